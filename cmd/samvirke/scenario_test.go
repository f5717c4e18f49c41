package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// inbox counts what a party gets, by message id.
type inbox struct {
	mu       sync.Mutex
	count    map[string]int
	receipts []bool // positive
}

func (b *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := reMsgID.FindSubmatch(body); id != nil {
		b.count[string(id[1])]++
		return
	}
	if bytes.Contains(body, []byte("OriginalMsgId")) {
		b.receipts = append(b.receipts, bytes.Contains(body, []byte(`<Status V="1"`)))
	}
}

func sharedDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SAMVIRKE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "standards", "no", "examples")); err != nil {
		t.Skip("the standards' test messages are not here (SAMVIRKE_SHARED names their folder)")
	}
	return dir
}

// TestPublishedScenarioInAnyOrder posts the standard's own scenario messages of the kinds in scope to the
// running binary, in order and in reverse: the same plans to the byte, one positive receipt for each
// message and receiver, each delivery once.
func TestPublishedScenarioInAnyOrder(t *testing.T) {
	dir := filepath.Join(sharedDir(t), "standards", "no", "examples", "plo", "v1.6", "scenario")
	var files []string
	for _, pattern := range []string{"Innleggelsesrapport_*", "Pasientlogistikk_*", "Utskriv*"} {
		m, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	if len(files) < 8 {
		t.Fatalf("only %d files of the scenario", len(files))
	}
	slices.Sort(files)
	backwards := slices.Clone(files)
	slices.Reverse(backwards)
	a, b := playScenario(t, files), playScenario(t, backwards)
	for patient, plan := range a {
		if !bytes.Equal(plan, b[patient]) {
			t.Errorf("the plan of a patient depends on the order of arrival:\n%s\n%s", plan, b[patient])
		}
	}
	if len(a) == 0 || len(a) != len(b) {
		t.Errorf("%d and %d plans", len(a), len(b))
	}
}

// scenarioParties are the addresses that the scenario's messages use. A send has minutes, so that none is given up and comes twice
// because the machine has other work.
const scenarioParties = `listen: %s
data_dir: %s
environment: test
parties:
  - {id: clinic, role: hospital, her: ["59", "90998", "91090"], token: hospital-token-0123456789abcdef, endpoint: {url: "%[3]s/clinic", timeout: 2m}, accepts: [{format: kith}], receipts: none}
  - {id: city, role: municipality, municipality: "9903", her: ["99387", "5078"], token: city-token-0123456789abcdef0123, endpoint: {url: "%[3]s/city", timeout: 2m}, accepts: [{format: kith}], receipts: none}
  - {id: doctor, role: gp, her: ["91096", "91100"], token: gp-token-0123456789abcdef012345, endpoint: {url: "%[3]s/doctor", timeout: 2m}, accepts: [{format: kith}], receipts: none}
  - {id: ward, role: hospital, her: ["91093", "91094"], token: ward-token-0123456789abcdef0123, endpoint: {url: "%[3]s/ward", timeout: 2m}, accepts: [{format: kith}], receipts: none}
  - {id: home, role: municipality, municipality: "9903", her: ["91095"], token: home-token-0123456789abcdef0123, endpoint: {url: "%[3]s/home", timeout: 2m}, accepts: [{format: kith}], receipts: none}
  - {id: copy, role: gp, her: ["91097", "91104"], token: copy-token-0123456789abcdef0123, endpoint: {url: "%[3]s/copy", timeout: 2m}, accepts: [{format: kith}], receipts: none}
routes:
  - {name: addressees, to: [addressees, copies]}
`

var scenarioTokens = map[string]string{
	"59": "hospital-token-0123456789abcdef", "99387": "city-token-0123456789abcdef0123", "91093": "ward-token-0123456789abcdef0123",
}

func playScenario(t *testing.T, files []string) map[string][]byte {
	t.Helper()
	boxes := map[string]*inbox{}
	mux := http.NewServeMux()
	for _, p := range []string{"clinic", "city", "doctor", "ward", "home", "copy"} {
		boxes[p] = &inbox{count: map[string]int{}}
		mux.Handle("/"+p, boxes[p])
	}
	far := httptest.NewServer(mux)
	defer far.Close()
	addr, data := freeAddr(t), t.TempDir()
	cfg := filepath.Join(t.TempDir(), "samvirke.yaml")
	if err := os.WriteFile(cfg, fmt.Appendf(nil, scenarioParties, addr, data, far.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := startProcess(t, addr, cfg)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		token := ""
		if i := bytes.Index(raw, []byte("<Sender>")); i >= 0 {
			sender := raw[i:bytes.Index(raw, []byte("</Sender>"))]
			for her, tok := range scenarioTokens {
				if bytes.Contains(sender, []byte("<Id>"+her+"</Id>")) {
					token = tok
				}
			}
		}
		status, body, err := post(t.Context(), addr, token, "application/xml", raw)
		if err != nil || status != http.StatusAccepted {
			t.Fatalf("%s: %d %s %v", filepath.Base(name), status, body, err)
		}
	}
	waitIdle(t, addr)
	p.stop(t)
	receipts := 0
	for name, box := range boxes {
		for id, n := range box.count {
			if n != 1 {
				t.Errorf("%s got %s %d times", name, id, n)
			}
		}
		for _, ok := range box.receipts {
			receipts++
			if !ok {
				t.Errorf("%s got a negative receipt", name)
			}
		}
	}
	if receipts < len(files) {
		t.Errorf("%d receipts for %d messages", receipts, len(files))
	}
	return storedPlans(t, data)
}

// waitIdle waits until nothing waits any more, by the gateway's own metrics.
func waitIdle(t *testing.T, addr string) {
	t.Helper()
	waitZero(t, addr, "samvirke_deliveries_waiting", "samvirke_messages_unprocessed")
}

// waitZero waits until metrics of a gateway are zero three times in a row. A gateway that is too busy to count says nothing
// of them, and that is not zero.
func waitZero(t *testing.T, addr string, names ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for quiet := 0; quiet < 3; time.Sleep(10 * time.Millisecond) {
		r, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if quiet++; r.StatusCode != http.StatusOK || !zero(string(b), names) {
			quiet = 0
		}
		if time.Now().After(deadline) {
			t.Fatalf("still busy after %s: %s\n%s", patience, r.Status, b)
		}
	}
}

// zero tells whether each metric is there, and is zero wherever it is.
func zero(text string, names []string) bool {
	for _, name := range names {
		found := false
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, name) {
				continue
			}
			if found = true; !strings.HasSuffix(strings.TrimSpace(line), " 0") {
				return false
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// TestZero: what is not told is not zero.
func TestZero(t *testing.T) {
	t.Parallel()
	names := []string{"a_waiting", "b_open"}
	for text, want := range map[string]bool{
		"# HELP a_waiting x\na_waiting{party=\"p\"} 0\na_waiting{party=\"q\"} 0\nb_open 0\n":                   true,
		"# HELP a_waiting x\na_waiting{party=\"p\"} 0\na_waiting{party=\"q\"} 10\nb_open 0\n":                  false,
		"a_waiting{party=\"p\"} 0\n# HELP b_open 0\n":                                                          false,
		"An error has occurred while serving metrics:\n\nerror collecting metric: context deadline exceeded\n": false,
		"": false,
	} {
		if got := zero(text, names); got != want {
			t.Errorf("%v for\n%s", got, text)
		}
	}
}

// storedPlans reads every plan with the command an admin would use.
func storedPlans(t *testing.T, data string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, patient := range []string{"13116900216", "15076500565"} {
		var plan, words bytes.Buffer
		a := &app{ctx: t.Context(), out: &plan, errs: &words, getenv: os.Getenv}
		if code := a.run([]string{"plan", "show", "--data", data, patient}); code != exitOK {
			t.Fatalf("plan show: %d %s", code, words.String())
		}
		var any map[string]any
		if err := json.Unmarshal(plan.Bytes(), &any); err != nil {
			t.Fatal(err)
		}
		out[patient] = plan.Bytes()
	}
	return out
}
