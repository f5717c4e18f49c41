package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/loopback"
	"github.com/samvirke/samvirke/internal/simulate"
)

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "samvirke-build-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "samvirke")
	out, err := exec.Command("go", "build", "-tags", buildTags, "-o", bin, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := buildOnce(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// binary builds the program once for all tests that need a real process.
func binary(t testing.TB) string {
	t.Helper()
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// freeAddr finds a loopback address nobody listens on right now.
func freeAddr(t testing.TB) string {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// patience is how long a test waits for what must come. A loaded machine needs some of it, a hang all.
const patience = 4 * time.Minute

// process is a running gateway that a test may kill.
type process struct {
	cmd  *exec.Cmd
	log  *lockedBuffer
	addr string
	done chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startProcess starts `samvirke run` and waits until it is ready; it gives the time that took.
func startProcess(t testing.TB, addr, configFile string, prefix ...string) (*process, time.Duration) {
	t.Helper()
	return launch(t, addr, append(append([]string{}, prefix...), binary(t), "run", "--config", configFile))
}

// launch starts a command that is a gateway on addr.
func launch(t testing.TB, addr string, args []string) (*process, time.Duration) {
	t.Helper()
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: &lockedBuffer{}, addr: addr, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	deadline := time.Now().Add(patience)
	for {
		r, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p, time.Since(start)
			}
		}
		select {
		case <-p.done:
			t.Fatalf("gateway ended while starting:\n%s", p.log)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("gateway not ready in %s:\n%s", patience, p.log)
		}
	}
}

// kill is kill -9. Connections to the dead are not kept for the next one on the address.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	http.DefaultClient.CloseIdleConnections()
}

// stop asks the process to end and tells its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("gateway did not stop in %s:\n%s", patience, p.log)
	}
	http.DefaultClient.CloseIdleConnections()
	return p.cmd.ProcessState.ExitCode()
}

const hospitalToken = "hospital-token-for-tests-0123456789"

// writeConfig writes a configuration with a hospital that sends and a municipality that receives. A send has minutes: one that
// was given up because the machine had other work would come twice.
func writeConfig(t testing.TB, addr, dataDir, hospitalURL, cityURL, more string) string {
	t.Helper()
	text := fmt.Sprintf(`listen: %s
data_dir: %s
environment: test
parties:
  - id: hospital
    name: Fjordby sykehus
    role: hospital
    her: ["%s", "%s"]
    token: %s
    endpoint: {url: "%s", timeout: 2m}
  - id: city
    name: Fjordby kommune
    role: municipality
    municipality: "9902"
    her: ["%s", "%s"]
    token: city-token-for-tests-0123456789abc
    endpoint: {url: "%s", max_in_flight: 32, timeout: 2m}
    accepts: [{format: kith}]
    receipts: none
    retry: {first: 20ms, max: 200ms}
    breaker: {failures: 5, open_for: 50ms}
routes:
  - {name: addressees, to: [addressees]}
%s`, addr, dataDir, simulate.AdmissionHospital, simulate.AdmissionWard, hospitalToken, hospitalURL, simulate.AdmissionCity, simulate.AdmissionNursing, cityURL, more)
	name := filepath.Join(t.TempDir(), "samvirke.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// later tells whether an answer means that the same message is to be sent again: a busy gateway may say so.
func later(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// post sends one message and gives status and body; an error means the outcome is unknown.
func post(ctx context.Context, addr, token, contentType string, body []byte) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/messages", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// admission is a LOG_INNLAGT of our own for a person that does not exist.
func admission(msgID string, person int, remark string) []byte {
	return simulate.Admission{ID: msgID, Person: person, Remark: remark}.XML()
}
