package main

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// TestBackupCommands copies the store of a gateway that has it open, restores it elsewhere and reads the message there.
func TestBackupCommands(t *testing.T) {
	dir, to, other := t.TempDir(), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Accept: &samvirke.Message{ID: "m", Party: "hospital", Raw: []byte("body")}})
	if err != nil {
		t.Fatal(err)
	}
	code, out, words := command(t, nil, "backup", "--data", dir, "--json", to)
	var info sqlite.BackupInfo
	if err := json.Unmarshal([]byte(out), &info); code != 0 || err != nil || info.Files < 2 || info.Bytes == 0 {
		t.Fatalf("backup exits %d, says %q %q, %v", code, out, words, err)
	}
	if code, out, words := command(t, nil, "restore", "--data", other, to); code != 0 || out == "" {
		t.Fatalf("restore exits %d, says %q", code, words)
	}
	r, err := sqlite.OpenReader(other)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if m, err := r.Message(t.Context(), "m"); err != nil || string(m.Raw) != "body" {
		t.Errorf("the message has %q, %v", m.Raw, err)
	}
	for name, args := range map[string][]string{
		"over a backup":   {"backup", "--data", dir, to},
		"over a store":    {"restore", "--data", dir, to},
		"of no backup":    {"restore", "--data", t.TempDir(), t.TempDir()},
		"of no store":     {"backup", "--data", t.TempDir(), t.TempDir()},
		"without a store": {"backup", to},
	} {
		if code, _, words := command(t, nil, args...); code != exitUsage || words == "" {
			t.Errorf("%s: exit code %d, %q", name, code, words)
		}
	}
}
