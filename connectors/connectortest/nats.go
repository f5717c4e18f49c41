package connectortest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/loopback"
)

// NATSToken lets in whoever speaks to the server that StartNATS starts.
const NATSToken = "let-me-in"

// NATS is a real NATS server with JetStream in a process of its own, on loopback.
type NATS struct {
	URL  string // nats://127.0.0.1:port
	Stop func() // kills it; what it kept stays
	dir  string
}

// StartNATS starts one on an address that nobody takes by chance, or on the one that it had before with what it kept. The
// test is skipped where nats-server (Debian's package of that name) is not installed.
func StartNATS(t testing.TB, before *NATS) *NATS {
	t.Helper()
	return startNATS(t, before, "", "--auth", NATSToken)
}

// StartSmallNATS starts one whose only account, let in without a token, may store no more than room: "200K".
func StartSmallNATS(t testing.TB, room string) *NATS {
	t.Helper()
	return startNATS(t, nil, fmt.Sprintf(`
accounts {
  small {
    jetstream { max_file: %s, max_mem: %s }
    users: [{user: small, password: small}]
  }
}
no_auth_user: small
`, room, room))
}

// startNATS starts a server with more lines in its configuration and more arguments.
func startNATS(t testing.TB, before *NATS, more string, args ...string) *NATS {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		program = "/usr/sbin/nats-server" // Debian's place, which is not on everybody's path
		if _, err := os.Stat(program); err != nil {
			t.Skip("nats-server is not installed")
		}
	}
	s := &NATS{}
	var addr string
	if before == nil {
		s.dir = t.TempDir()
		if addr, err = loopback.Free(); err != nil {
			t.Fatal(err)
		}
	} else {
		s.dir, addr = before.dir, strings.TrimPrefix(before.URL, "nats://")
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(conf, []byte("max_payload: 8MB\n"+more), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, append([]string{"-c", conf, "-a", "127.0.0.1", "-p", port, "-js", "-sd", s.dir}, args...)...)
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(ready)
		listens := regexp.MustCompile(`Listening for client connections on (\S+)`)
		url := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := listens.FindStringSubmatch(lines.Text()); m != nil {
				url = m[1]
			}
			if strings.Contains(lines.Text(), "Server is ready") {
				ready <- url
			}
		}
	})
	s.Stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		wg.Wait()
		_ = c.Wait()
	})
	t.Cleanup(s.Stop)
	select {
	case url := <-ready:
		if url == "" {
			t.Fatal("nats-server ended at once")
		}
		s.URL = "nats://" + url
	case <-time.After(2 * time.Minute):
		t.Fatal("nats-server is not ready after two minutes")
	}
	return s
}
