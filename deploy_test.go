package samvirke_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
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

// TestBackupPage does what deploy/BACKUP.md says: a backup of a running gateway, a restore, and the erasure of somebody who was erased
// in between and came back with the restore.
func TestBackupPage(t *testing.T) {
	blocks := codeBlocks(t, "deploy/BACKUP.md")
	if len(blocks) != 5 {
		t.Fatalf("found %d blocks, want backup, a try, restore, erasures and what is missing", len(blocks))
	}
	w := &walk{t: t, dir: t.TempDir(), bin: buildSamvirke(t)}
	data := filepath.Join(w.dir, "out/first-message/data")
	run := func(block string) string {
		t.Helper()
		words := strings.NewReplacer("samvirke backup", w.bin+" backup", "samvirke restore", w.bin+" restore", "samvirke queue", w.bin+" queue",
			"samvirke erase", w.bin+" erase", "/etc/samvirke/samvirke.yaml", "deploy/first-message.yaml", "/var/lib/samvirke.before", data+".before",
			"/backup/", w.dir+"/", "/var/tmp/", w.dir+"/")
		return w.shell(strings.ReplaceAll(words.Replace(block), "2026-01-10T02:00:00Z", "2026-01-10"))
	}
	const person = "11064700342" // of the first message
	kept := func() bool {
		return w.shell(`"$SAMVIRKE" plan show --config deploy/first-message.yaml `+person+` >out/plan 2>&1 && echo kept || echo gone`) == "kept\n"
	}
	t.Setenv("SAMVIRKE", w.bin)
	log := w.start("mkdir -p out/first-message/to-fjordvik out/first-message/to-bekkedal\ngo run ./cmd/samvirke run --config deploy/first-message.yaml\n")
	body, err := os.Open("testdata/s1/01-log-innlagt.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.addr+"/messages", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer only-for-the-first-message")
	r.Header.Set("Content-Type", "application/xml")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%v %v", answer, err)
	}
	answer.Body.Close()
	w.until("the plan", log, kept)
	run(blocks[0])
	if list := run(blocks[1]); !strings.Contains(list, "LOG_INNLAGT") {
		t.Errorf("the backup holds\n%s", list)
	}
	w.stop()
	w.shell(`echo ` + person + ` | "$SAMVIRKE" erase --config deploy/first-message.yaml --reason asked -`)
	if err := os.Rename(data, data+".before"); err != nil {
		t.Fatal(err)
	}
	run(blocks[2])
	if !kept() {
		t.Error("nobody came back: the test shows nothing")
	}
	if err := os.WriteFile(filepath.Join(w.dir, "erased-since.txt"), []byte(person+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(blocks[3]); !strings.Contains(said, "erased: 1 messages") {
		t.Errorf("the erasure says %s", said)
	}
	if kept() {
		t.Error("the person is still there")
	}
	if list := run(blocks[4]); !strings.Contains(list, "fjordvik") {
		t.Errorf("the store from before lists\n%s", list)
	}
}
