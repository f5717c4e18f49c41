package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a gateway that runs as a process of its own, so that its processor time and memory are
// measured alone.
type child struct {
	cmd      *exec.Cmd
	log      *tail
	took     time.Duration
	ended    chan struct{}
	stopOnce sync.Once
}

// startLimit bounds how long the gateway may take to be ready, stopLimit how long to end.
const (
	startLimit = 30 * time.Second
	stopLimit  = 30 * time.Second
)

// startGateway starts it and waits until it is ready. It gets env beside our own environment.
func startGateway(ctx context.Context, addr, cfg string, env ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, "run", "--config", cfg), log: &tail{}, ended: make(chan struct{})} //nolint:gosec // ourselves
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.Env = append(os.Environ(), env...)
	start := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start gateway: %w", err)
	}
	go func() {
		_ = c.cmd.Wait() // the exit code is read from ProcessState
		close(c.ended)
	}()
	limit, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := ready(limit, addr, c.ended); err != nil {
		c.stop()
		return nil, fmt.Errorf("%w\n%s", err, c.words())
	}
	c.took = time.Since(start)
	return c, nil
}

// stop ends the process in good order and waits for it.
func (c *child) stop() {
	c.stopOnce.Do(func() {
		_ = c.cmd.Process.Signal(os.Interrupt)
		select {
		case <-c.ended:
		case <-time.After(stopLimit):
			_ = c.cmd.Process.Kill()
			<-c.ended
		}
	})
}

// cpu is the processor time of the ended process.
func (c *child) cpu() time.Duration {
	s := c.cmd.ProcessState
	return s.UserTime() + s.SystemTime()
}

// peakMB is the largest resident set of the ended process; 0 where the system does not tell.
func (c *child) peakMB() float64 {
	u, ok := c.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	kb := float64(u.Maxrss)
	if runtime.GOOS == "darwin" {
		kb /= 1024 // bytes there
	}
	return kb / 1024
}

func (c *child) words() string { return c.log.String() }

// tail keeps the last words of a process.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 8 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > maxTail {
		t.b = append([]byte(nil), t.b[len(t.b)-maxTail:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}

func cores() int { return runtime.GOMAXPROCS(0) }
