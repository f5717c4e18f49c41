package postgrestest

import (
	"context"
	"fmt"
	"os"
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
	if err := s.Die(way); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if way == KillSession {
		return s.again(ctx, func() error { return s.answers(ctx) })
	}
	for {
		err := s.Start()
		if err == nil || !strings.Contains(err.Error(), inMemory) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Die kills the server in a way and leaves it like that.
func (s *Server) Die(way string) error {
	pids, err := s.processes(way)
	if err != nil {
		return err
	}
	if way != KillSession {
		s.mu.Lock()
		cmd, done := s.cmd, s.done
		s.cmd = nil
		s.mu.Unlock()
		_ = cmd.Process.Kill()
		<-done
	}
	for _, pid := range pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // it may have ended by itself
		}
	}
	return nil
}

// processes are those that are killed besides the first.
func (s *Server) processes(way string) (pids []int, err error) {
	if way == KillFirst {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	query := `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`
	if way == KillSession {
		query += ` AND backend_type = 'client backend' ORDER BY random() LIMIT 1`
	}
	// A server that recovers from the last time lets nobody in.
	err = s.again(ctx, func() error {
		conn, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return err
		}
		defer conn.Close(ctx) //nolint:errcheck // nothing was written
		rows, err := conn.Query(ctx, query)
		if err != nil {
			return err
		}
		pids, err = pgx.CollectRows(rows, pgx.RowTo[int])
		if err == nil && len(pids) == 0 {
			err = fmt.Errorf("there is no process to be killed in the way %q", way)
		}
		return err
	})
	return pids, err
}

// again runs f until it succeeds or ctx ends.
func (s *Server) again(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
