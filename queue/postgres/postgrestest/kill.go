package postgrestest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Ways in which a server is killed: kill -9, with no word to anybody.
const (
	// KillAll ends the server and all that it has started, as the end of a machine does.
	KillAll = "all processes"
	// KillFirst ends the server's first process only. The others notice, and may bring what they are at to its end until then.
	KillFirst = "the first process"
	// KillSession ends one session of a client; the server then ends all others and recovers by itself. This is what happens when
	// the memory runs out.
	KillSession = "a session"
)

// Ways are all ways of Kill.
func Ways() []string { return []string{KillAll, KillFirst, KillSession} }

// inMemory is what a server says that is started before the last process of its earlier life has ended.
const inMemory = "shared memory block"

// Kill kills the server in a way and starts it again. It answers when Kill returns.
func (s *Server) Kill(way string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if way == KillSession {
		return s.killSession(ctx)
	}
	if err := s.Die(way); err != nil {
		return err
	}
	for {
		err := s.Start()
		if err == nil || !strings.Contains(err.Error(), inMemory) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// killSession kills a session and waits until the server has ended all others, this one too, and has recovered.
func (s *Server) killSession(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)           //nolint:errcheck // it is broken
	for killed := false; !killed; { // one that is found may just be ending by itself
		var pid int
		if err := conn.QueryRow(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
			ORDER BY random() LIMIT 1`).Scan(&pid); err != nil {
			return fmt.Errorf("find a session to be killed: %w", err)
		}
		killed = kill(pid)
	}
	for err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_sleep(0.005)`)
	}
	for {
		err := s.answers(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kill says whether there was somebody to be killed.
func kill(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Kill() == nil
}

// Die kills all processes of the server, or the first, and leaves it like that.
func (s *Server) Die(way string) error {
	var pids []int
	if way == KillAll {
		var err error
		if pids, err = s.processes(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.cmd = nil
	s.mu.Unlock()
	if way == KillAll {
		// One that is forgotten may wait for ever for a lock that a dead one held, and no server starts beside it: the first starts nobody any
		// more, then those are looked for who came since.
		pause(cmd.Process)
		pids = append(pids, children(cmd.Process.Pid)...)
	}
	_ = cmd.Process.Kill()
	<-done
	for _, pid := range pids {
		kill(pid)
	}
	return nil
}

// children are the processes that one has started, none where the system does not tell.
func children(of int) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), ") ") // behind the name, which may hold anything: state, parent
		w := strings.Fields(rest)
		if len(w) < 2 || w[1] != strconv.Itoa(of) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// processes are those besides the first.
func (s *Server) processes() ([]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was written
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}
