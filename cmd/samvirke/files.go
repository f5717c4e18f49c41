package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/native"
)

// maxFile is the largest message file a command reads. Unit: bytes.
const maxFile = 20 << 20

// readFile reads a message file, "-" for standard input.
func (a *app) readFile(name string) ([]byte, error) {
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &exitError{code: exitUsage, err: err}
		}
		defer f.Close() //nolint:errcheck // reading only
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxFile {
		return nil, fail(exitBadMessage, "%s: too-large: more than %d bytes", name, maxFile)
	}
	return raw, nil
}

func (a *app) json(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// formats is the explicit list of formats of this program. Test registers' person numbers pass
// unless the environment is production.
func formats(production bool) ([]mapping.Format, error) {
	return formatsWith(kith.Options{MaxBytes: maxFile, AllowSynthetic: !production})
}

func formatsWith(o kith.Options) ([]mapping.Format, error) {
	k, err := kith.New(o)
	if err != nil {
		return nil, fmt.Errorf("prepare kith: %w", err)
	}
	n, err := native.New(native.Options{MaxBytes: o.MaxBytes, AllowSynthetic: o.AllowSynthetic})
	if err != nil {
		return nil, fmt.Errorf("prepare fhir: %w", err)
	}
	return []mapping.Format{k, n}, nil
}

// parse finds the format of raw and parses it. The fault is nil when all is well.
func parse(fs []mapping.Format, raw []byte) (*mapping.Parsed, *samvirke.Fault) {
	for _, f := range fs {
		if _, ok := f.Sniff(raw); ok {
			p, err := f.Parse(raw)
			if err != nil {
				return p, samvirke.FaultOf(err)
			}
			return p, nil
		}
	}
	return nil, gateway.Unrecognised(fs, raw)
}

// indent makes JSON readable.
func indent(raw []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return raw
	}
	b.WriteByte('\n')
	return b.Bytes()
}
