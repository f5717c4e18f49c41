package samvirke_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type alertFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// TestAlertRules: every rule says what happened and what to do, and asks for metrics that exist.
func TestAlertRules(t *testing.T) {
	raw, err := os.ReadFile("deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f alertFile
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	source := goSource(t)
	metric := regexp.MustCompile(`samvirke_[a-z0-9_]+`)
	rules := 0
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			rules++
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s does not say what happened, what to do and how bad it is", r.Alert)
			}
			names := metric.FindAllString(r.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s asks for no metric of ours", r.Alert)
			}
			for _, name := range names {
				if !strings.Contains(source, `"`+strings.TrimSuffix(name, "_bucket")+`"`) {
					t.Errorf("%s asks for %s, which nobody exports", r.Alert, name)
				}
			}
		}
	}
	if rules < 5 {
		t.Errorf("found %d rules", rules)
	}
}

// goSource is all Go code that is not a test, in one string.
func goSource(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's file of a moment
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		b.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestServiceUnit: the unit must not restart on a wrong configuration, and on everything else.
func TestServiceUnit(t *testing.T) {
	raw, err := os.ReadFile("deploy/samvirke.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Restart=always", "RestartPreventExitStatus=78", "KillSignal=SIGTERM"} {
		if !strings.Contains(string(raw), "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
	if strings.Contains(string(raw), "ExecStartPre=") {
		t.Error("an ExecStartPre that fails is restarted whatever its exit code: let run check the configuration")
	}
}
