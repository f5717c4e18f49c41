// Package postgrestest runs real PostgreSQL servers for tests: in a temporary folder, on a free port of the loopback
// address, as another user when the tests run as root, which PostgreSQL refuses to.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/samvirke/samvirke/internal/loopback"
)

// BinEnv names the folder of PostgreSQL's programs when they are neither on the path nor where Debian puts them.
const BinEnv = "SAMVIRKE_POSTGRES_BIN"

// Missing is why tests are skipped without PostgreSQL; the check of a change installs it and forbids that.
const Missing = "initdb of PostgreSQL is not installed (Debian package postgresql)"

// startLimit is how long a server may take to be made, to start or to stop on a loaded machine.
const startLimit = 3 * time.Minute

// inUse is what the system says of a port that somebody has taken.
const inUse = "Address already in use"

// Server is one server that a test runs.
type Server struct {
	Dir  string
	Port int
	bin  string
	log  *os.File
	done chan struct{} // closed when the process has ended

	mu  sync.Mutex
	cmd *exec.Cmd
}

// Bin finds the folder of the programs, "" when there is none.
func Bin() string {
	if dir := os.Getenv(BinEnv); dir != "" {
		return dir
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(dirs, func(a, b string) int { return version(a) - version(b) })
	if len(dirs) == 0 {
		return ""
	}
	return filepath.Dir(dirs[len(dirs)-1])
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// New makes a server and starts it. Settings are lines of postgresql.conf; without "fsync = on" it does not sync, which
// is for tests that cut no power. Stop it with Close.
func New(settings ...string) (*Server, error) {
	bin := Bin()
	if bin == "" {
		return nil, errors.New(Missing)
	}
	dir, err := os.MkdirTemp("", "samvirke-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, bin: bin}
	if err = s.init(settings); err == nil {
		err = s.startAnywhere()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// startAnywhere starts a server for the first time, on another port when somebody has taken the one that was free.
func (s *Server) startAnywhere() error {
	err := s.Start()
	for try := 0; err != nil && strings.Contains(err.Error(), inUse) && try < 5; try++ {
		if s.Port, err = freePort(); err == nil {
			err = s.Configure(fmt.Sprintf("port = %d", s.Port))
		}
		if err == nil {
			err = s.Start()
		}
	}
	return err
}

// Data is the folder of the data.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) init(settings []string) error {
	if err := s.own(s.Dir); err != nil {
		return err
	}
	if err := s.run("initdb", "-D", s.Data(), "-A", "trust", "-U", "samvirke", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return err
	}
	return s.configure(append([]string{"fsync = off", "full_page_writes = off"}, settings...))
}

// configure sets the address and further settings.
func (s *Server) configure(settings []string) (err error) {
	if s.Port, err = freePort(); err != nil {
		return err
	}
	lines := append([]string{"listen_addresses = '127.0.0.1'", fmt.Sprintf("port = %d", s.Port), "unix_socket_directories = ''",
		"max_connections = 120", "shared_buffers = 64MB", "logging_collector = off", "log_min_messages = warning", "max_wal_senders = 4"}, settings...)
	f, err := os.OpenFile(filepath.Join(s.Data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(strings.Join(lines, "\n") + "\n"); err == nil {
		err = s.own(f.Name())
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Configure adds settings; they hold after a restart or a reload.
func (s *Server) Configure(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(s.Data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(settings, "\n") + "\n")
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// freePort is the port of a free address.
func freePort() (int, error) {
	addr, err := loopback.Free()
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr = s.Dir, credential()
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// Start starts the server and waits until it answers.
func (s *Server) Start() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	from := int64(0) // where the log of this life begins
	if info, err := log.Stat(); err == nil {
		from = info.Size()
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.Data())
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = s.Dir, credential(), log, log
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Start(); err != nil {
		log.Close()
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		log.Close()
		close(done)
	}()
	s.mu.Lock()
	s.cmd, s.log, s.done = cmd, log, done
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended: %s", text[min(from, int64(len(text))):])
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answers fails unless this server answers at its port. Another one may have been faster to take that, also one of these tests.
func (s *Server) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was written
	var data string
	if err := conn.QueryRow(ctx, `SHOW data_directory`).Scan(&data); err != nil {
		return err
	}
	if data != s.Data() {
		return errors.New("another server answers")
	}
	return nil
}

// URLOptions end an address: no certificate, and a connection may take its time on a loaded machine.
const URLOptions = "sslmode=disable&connect_timeout=60"

// URL is the address of the server.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://samvirke@127.0.0.1:%d/postgres?%s", s.Port, URLOptions)
}

// Stop ends the server: fast when it may write a checkpoint, otherwise at once, as a crash does.
func (s *Server) Stop(crash bool) {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	signal := fast
	if crash {
		signal = immediate
	}
	_ = cmd.Process.Signal(signal)
	select {
	case <-done:
	case <-time.After(startLimit):
		_ = cmd.Process.Kill()
		<-done
	}
}

// Standby makes a second server that follows this one as name. Settings as for New.
func (s *Server) Standby(name string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "samvirke-pg-")
	if err != nil {
		return nil, err
	}
	b := &Server{Dir: dir, bin: s.bin}
	if err = b.own(dir); err == nil {
		err = b.run("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "samvirke", "-D", b.Data(), "-X", "stream", "-c", "fast", "--no-sync")
	}
	if err == nil {
		err = b.configure(append([]string{fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=samvirke application_name=%s'", s.Port, name)}, settings...))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.Data(), "standby.signal"), nil, 0o600)
	}
	if err == nil {
		err = b.own(filepath.Join(b.Data(), "standby.signal"))
	}
	if err == nil {
		err = b.startAnywhere()
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Promote makes a standby the primary.
func (s *Server) Promote() error {
	return s.run("pg_ctl", "promote", "-D", s.Data(), "-w", "-t", strconv.Itoa(int(startLimit/time.Second)))
}

// Reload makes the server read its settings again.
func (s *Server) Reload() error { return s.run("pg_ctl", "reload", "-D", s.Data()) }

// Exec runs statements on a connection of its own.
func (s *Server) Exec(tb testing.TB, text string, args ...any) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // it was committed
	if _, err := conn.Exec(ctx, text, args...); err != nil {
		tb.Fatal(err)
	}
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	s.Stop(true)
	_ = os.RemoveAll(s.Dir)
}
