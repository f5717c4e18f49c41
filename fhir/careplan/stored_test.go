package careplan

import (
	"encoding/json"
)

type fataler interface{ Fatal(...any) }

// stored writes records as the store does and reads them back.
func stored(t fataler, list []Record) []Record {
	out := make([]Record, len(list))
	for i, r := range list {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if out[i], err = ParseRecord(raw); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
