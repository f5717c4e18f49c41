package careplan

import (
	"bytes"
	"encoding/json"
)

// JSON gives the canonical bytes of the plan: the same set of records always gives the same
// bytes. They end without a line break.
func (p *Plan) JSON() []byte { return p.AppendJSON(make([]byte, 0, 4<<10)) }

// reflected is what JSON promises, written by encoding/json: the measure that AppendJSON is held
// against, and its way out where it knows no better.
func (p *Plan) reflected() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return nil // cannot happen: a Plan holds strings, numbers and times only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
