package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret is the most bytes of a secret file that are read.
const maxSecret = 64 << 10

// hidden is what every printed form of a secret shows.
const hidden = "***"

// Secret is a token or password. However it is printed, logged or marshalled it shows ***; only
// Reveal gives the value. The zero value means that there is none.
//
// In the file it is the value itself, env:NAME for an environment variable, or file:PATH for the
// content of a file without the line ending at its end.
type Secret struct{ value string }

// NewSecret makes a secret of a value, for configurations that are built in code.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal gives the value. Do not log it.
func (s Secret) Reveal() string { return s.value }

// IsZero tells whether there is none.
func (s Secret) IsZero() bool { return s.value == "" }

// String gives ***, or "" when there is none.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return hidden
}

// Format covers every verb, %#v too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// readSecret resolves what stands in the file. Paths are relative to dir. The error never repeats
// the text, which may be the secret itself.
func readSecret(text, dir string) (Secret, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		v := os.Getenv(name)
		if v == "" {
			return Secret{}, fmt.Errorf("environment variable %s is not set", name)
		}
		return Secret{value: v}, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		f, err := os.Open(resolve(dir, path))
		if err != nil {
			return Secret{}, fmt.Errorf("read secret: %w", err)
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxSecret))
		if err != nil {
			return Secret{}, fmt.Errorf("read secret: %w", err)
		}
		v := strings.TrimRight(string(raw), "\r\n")
		if v == "" {
			return Secret{}, fmt.Errorf("file %s is empty", path)
		}
		return Secret{value: v}, nil
	}
	return Secret{value: text}, nil
}

// resolve makes a path of the file one that can be opened: relative ones start at the file's folder.
func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
