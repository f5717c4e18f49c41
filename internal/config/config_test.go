package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

var update = flag.Bool("update", false, "rewrite the wanted problems in testdata")

const example = "../../deploy/samvirke.example.yaml"

// TestMistakes holds every file of testdata/mistakes against the problems beside it.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			cfg, problems := Load(file)
			if cfg != nil || len(problems) == 0 {
				t.Fatal("no problem found")
			}
			var b strings.Builder
			for _, p := range problems {
				fmt.Fprintln(&b, filepath.ToSlash(p.Error()))
				if p.Line < 1 || p.Code == "" || p.Text == "" || p.Fix == "" {
					t.Errorf("incomplete: %+v", p)
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// TestFiveMistakes: all five at once, each at its line.
func TestFiveMistakes(t *testing.T) {
	_, problems := Load("testdata/mistakes/five-at-once.yaml")
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d %s", p.Line, p.Code))
	}
	want := []string{"3 unknown-key", "5 out-of-range", "9 bad-value", "13 wrong-type", "21 unknown-party"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEveryCodeHasAFile: a code nobody can see in testdata is a code nobody has looked at.
func TestEveryCodeHasAFile(t *testing.T) {
	var all strings.Builder
	files, _ := filepath.Glob("testdata/mistakes/*.want")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	for _, code := range []string{
		CodeSyntax, CodeUnknownKey, CodeDuplicateKey, CodeMissingKey, CodeEmpty, CodeType, CodeValue, CodeRange,
		CodeSecret, CodeWeakSecret, CodeFileRef, CodeDuplicate, CodeUnknownParty, CodeConflict, CodeUnreachable, CodeInsecure,
	} {
		if !strings.Contains(all.String(), ": "+code+": ") {
			t.Errorf("no file shows %s", code)
		}
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	cfg, problems := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if cfg != nil || len(problems) != 1 || problems[0].Code != CodeFile {
		t.Errorf("got %v, %v", cfg, problems)
	}
}

func TestFileThatIsTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(path, []byte("#"+strings.Repeat("x", MaxFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := Load(path); len(problems) != 1 || problems[0].Code != CodeFile {
		t.Errorf("got %v", problems)
	}
}

// TestExample: the configuration we give people to start from is without a mistake.
func TestExample(t *testing.T) {
	for _, name := range []string{"ST_HALLVARD_TOKEN", "BYDAL_TOKEN", "BYDAL_OUT_TOKEN", "LEGE_OUT_TOKEN"} {
		t.Setenv(name, "a-token-for-the-test-of-"+name)
	}
	cfg, problems := Load(example)
	for _, p := range problems {
		t.Error(p)
	}
	if cfg == nil {
		t.FailNow()
	}
	if len(cfg.Parties) != 4 || len(cfg.Routes) < 4 {
		t.Errorf("got %d parties, %d routes", len(cfg.Parties), len(cfg.Routes))
	}
	place, ok := cfg.Directory.Lookup("01015000232")
	if want := (Place{Municipality: "4601", GP: "lege-nord"}); !ok || place != want {
		t.Errorf("patient: got %+v, want %+v", place, want)
	}
	if m, gp := cfg.Directory.Find("urn:oid:2.16.578.1.12.4.1.4.1|01015000232"); m != place.Municipality || gp != place.GP {
		t.Errorf("by key: got %q, %q", m, gp)
	}
	if m, gp := cfg.Directory.Find("urn:oid:2.16.578.1.12.4.1.4.1|01015000322"); m != "" || gp != "" {
		t.Errorf("unknown patient: got %q, %q", m, gp)
	}
	if got, want := cfg.DataDir, filepath.Join("../../deploy", "data"); got != want {
		t.Errorf("data_dir: got %q, want %q", got, want)
	}
}

// TestFirstMessage: the configuration of the README's first message is without a mistake too.
func TestFirstMessage(t *testing.T) {
	cfg, problems := Load("../../deploy/first-message.yaml")
	if cfg == nil || len(cfg.Parties) != 2 {
		t.Errorf("got %v", problems)
	}
}

func TestDefaults(t *testing.T) {
	cfg, problems := Parse("x.yaml", []byte("parties: [{id: a, role: gp, token: 0123456789abcdef, accepts: [{format: kith}], folder: {out: o}}]"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := cfg.Parties[0]
	checks := []struct {
		name      string
		got, want any
	}{
		{"listen", cfg.Listen, "127.0.0.1:8480"},
		{"environment", cfg.Environment, "production"},
		{"data_dir", cfg.DataDir, "data"},
		{"max_body", cfg.Limits.MaxBody, Size(20e6)},
		{"metrics", cfg.Metrics.Enabled, true},
		{"routes", cfg.Routes, []Route{{Name: "addressees", To: []string{"addressees"}}}},
		{"name", p.Name, "a"},
		{"receipts of a KITH party", p.Receipts, "apprec"},
		{"answer_within", p.AnswerWithin, 96 * time.Hour},
		{"retry", p.Retry, Retry{First: time.Second, Max: time.Hour, Age: 96 * time.Hour}},
		{"breaker", p.Breaker, Breaker{Failures: 5, OpenFor: 30 * time.Second}},
		{"on_stop", p.OnStop, "wait"},
		{"payload", p.Payload, "id-only"},
	}
	for _, c := range checks {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	want := samvirke.Party{
		ID: "a", Name: "a", Role: "gp", Accepts: []samvirke.Accept{{Format: "kith"}},
		Receipts: samvirke.ReceiptAppRec, OnStop: "wait", AnswerWithin: 96 * time.Hour,
		UnknownService: samvirke.AnswerAccept, UnknownPatient: samvirke.AnswerAccept, PatientCodes: samvirke.PatientCodesGeneral,
	}
	if got := cfg.Words()[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("Words: got %+v, want %+v", got, want)
	}
	d := Default()
	if d.Limits != cfg.Limits || d.Listen != cfg.Listen || !reflect.DeepEqual(d.Routes, cfg.Routes) {
		t.Errorf("Default differs from an empty file: %+v", d)
	}
	if got := DefaultParty("a", "gp"); got.Retry != p.Retry || got.Breaker != p.Breaker || got.AnswerWithin != p.AnswerWithin {
		t.Errorf("DefaultParty differs from an empty party: %+v", got)
	}
}

// TestYAMLNotation: numbers that YAML would change stay as written.
func TestYAMLNotation(t *testing.T) {
	cfg, problems := Parse("x.yaml", []byte(`
parties:
  - &one {id: a, role: municipality, municipality: 0301, her: [059, 8094866], token: 0123456789abcdef,
     accepts: [{format: kith, versions: [1.6, 1.5]}], endpoint: {url: "http://127.0.0.1:9/", timeout: 250ms}}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := cfg.Parties[0]
	if p.Municipality != "0301" || !reflect.DeepEqual(p.HER, []string{"059", "8094866"}) || p.Token.Reveal() != "0123456789abcdef" {
		t.Errorf("got %q %q %q", p.Municipality, p.HER, p.Token.Reveal())
	}
	if !reflect.DeepEqual(p.Accepts[0].Versions, []string{"1.6", "1.5"}) || p.Endpoint.Timeout != 250*time.Millisecond {
		t.Errorf("got %q %s", p.Accepts[0].Versions, p.Endpoint.Timeout)
	}
}

func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tok"), []byte("from-a-file-1234\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SAMVIRKE_TEST_TOKEN", "from-the-environment")
	for text, want := range map[string]string{
		"inline-value-1234": "inline-value-1234", "env:SAMVIRKE_TEST_TOKEN": "from-the-environment", "file:tok": "from-a-file-1234",
		"file:" + filepath.Join(dir, "tok"): "from-a-file-1234",
	} {
		s, err := readSecret(text, dir)
		if err != nil || s.Reveal() != want {
			t.Errorf("%s: got %q, %v", text, s.Reveal(), err)
		}
	}
}

// TestSecretNeverShows prints a whole configuration in every way and looks for the canary.
func TestSecretNeverShows(t *testing.T) {
	const canary = "canary-0123456789"
	p := DefaultParty("a", "gp")
	p.Token, p.Endpoint = NewSecret(canary), &Endpoint{URL: "http://127.0.0.1/", Token: NewSecret(canary)}
	cfg := Default()
	cfg.Parties = []Party{p}
	raw, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", p.Token, "party", p, "endpoint", *p.Endpoint)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", p.Token, "config", cfg, "endpoint", p.Endpoint)
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", p), "%+v": fmt.Sprintf("%+v", *p.Endpoint), "%#v": fmt.Sprintf("%#v", p), "%s": fmt.Sprintf("%s", p.Token),
		"%q": fmt.Sprintf("%q", p.Token), "%x": fmt.Sprintf("%x", p.Token), "%d": fmt.Sprintf("%d", p.Token), "json": string(raw), "slog": log.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s shows the secret", name)
		}
	}
	if got := fmt.Sprint(NewSecret("x")); got != "***" {
		t.Errorf("got %q, want ***", got)
	}
	if !NewSecret("").IsZero() || NewSecret("").String() != "" {
		t.Error("an empty secret looks like one")
	}
}

// TestProblemsHideSecrets: a mistake beside or in a token does not repeat the token.
func TestProblemsHideSecrets(t *testing.T) {
	_, problems := Parse("x.yaml", []byte("parties:\n- {id: a, role: gp, token: canary}\n- {id: b, role: gp, token: canary}\n- {id: c, role: gp, token: [canary]}\n"))
	if len(problems) < 4 {
		t.Fatalf("got %v", problems)
	}
	for _, p := range problems {
		if strings.Contains(p.Error(), "canary") {
			t.Errorf("shows the token: %v", p)
		}
	}
}

// TestReference: every key is described, with a default that the parser takes.
func TestReference(t *testing.T) {
	ref := Reference()
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, prefix string) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			key, inner := f.Tag.Get("key"), f.Type
			if key == "-" {
				continue
			}
			if inner.Kind() == reflect.Slice {
				inner, key = inner.Elem(), key+"[]"
			}
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			doc := f.Tag.Get("doc")
			if !strings.Contains(ref, "\n"+prefix+key+": ") || doc == "" || !strings.HasSuffix(doc, ".") {
				t.Errorf("%s%s is not described", prefix, key)
			}
			if isBlock(inner) {
				walk(inner, prefix+key+".")
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	if !strings.Contains(ref, "limits.max_body: a size from 64KB to 256MB; default 20MB\n") {
		t.Errorf("max_body is not as expected in\n%s", ref)
	}
}

// TestEveryKeyIsUsed: a key that no code of the program reads would promise what does not happen.
func TestEveryKeyIsUsed(t *testing.T) {
	files, err := filepath.Glob("../../cmd/samvirke/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the program: %v", err)
	}
	var program strings.Builder
	for _, file := range append(files, "config.go") { // Word hands a party's fields on
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		program.Write(raw)
	}
	inside := map[string]bool{ // used by the checks of this package
		"Elsewhere": true, "Patients": true, "CodeMapFiles": true,
	}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		if typ == reflect.TypeFor[Accept]() || typ == reflect.TypeFor[Route]() {
			return // converted as a whole
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !inside[f.Name] && !regexp.MustCompile(`\.`+f.Name+`\b`).MatchString(program.String()) {
				t.Errorf("%s.%s: the program never reads it", typ.Name(), f.Name)
			}
			inner := f.Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if isBlock(inner) && f.Tag.Get("key") != "-" {
				walk(inner)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

func TestSuggest(t *testing.T) {
	keys := []string{"listen", "data_dir", "environment", "parties", "receipts"}
	for word, want := range map[string]string{
		"lisen": "listen", "datadir": "data_dir", "Data-Dir": "data_dir", "enviroment": "environment", "partyes": "parties",
		"reciepts": "receipts", "colour": "", "x": "",
	} {
		if got := suggest(word, keys); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]time.Duration{"1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "0s": 0} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-1s", "-1d", "1.5d", "d", "999999999d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q: got %s, want an error", text, got)
		}
	}
	for text, want := range map[string]Size{"0": 0, "1024": 1024, "64KB": 64000, "1 MiB": 1 << 20, "2GB": 2e9, "5B": 5} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1TB", "KB", "1.5MB", "9999999999999GB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	for size, want := range map[Size]string{20e6: "20MB", 1 << 20: "1MiB", 5: "5B", 0: "0B", 64000: "64KB"} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %s, want %s", size, got, want)
		}
	}
}

// FuzzParse: whatever the bytes, there is a configuration or a problem, and never both.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/mistakes/*.yaml")
	for _, file := range append(files, example) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg, problems := Parse("fuzz.yaml", raw)
		if (cfg == nil) == (len(problems) == 0) {
			t.Fatalf("configuration %v with %d problems", cfg != nil, len(problems))
		}
	})
}
