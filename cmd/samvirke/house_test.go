package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/connectors/rest"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// TestRefusalsAreAuditedBeforeStop floods the door with bad tokens and stops at once: each refusal
// that the door told of is in the audit all the same.
func TestRefusalsAreAuditedBeforeStop(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "samvirke.yaml")
	text := "listen: \"127.0.0.1:0\"\ndata_dir: \"" + filepath.ToSlash(filepath.Join(dir, "store")) + "\"\nenvironment: test\n" +
		"parties:\n  - {id: hospital, role: hospital, her: [\"8150001\"], token: right-token-of-the-hospital}\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems := config.Load(name)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h, err := openHouse(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const refused = 3 * rest.MaxRefusals
	var all sync.WaitGroup
	for range refused {
		all.Go(func() {
			req, err := http.NewRequest(http.MethodPost, "http://"+h.addr+"/messages", strings.NewReader("<a/>"))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer wrong")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", resp.StatusCode)
			}
		})
	}
	all.Wait()
	h.stop()
	http.DefaultClient.CloseIdleConnections()

	s, err := sqlite.Open(context.Background(), sqlite.Options{Dir: cfg.DataDir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	rows, err := s.Audits(context.Background(), 0, 10*refused)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range rows {
		if a.Action == "refused" {
			n++
		}
	}
	if n < rest.MaxRefusals {
		t.Errorf("%d refusals in the audit, want at least the %d of one second", n, rest.MaxRefusals)
	}
}
