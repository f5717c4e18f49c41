package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	peak     float64 // MB, as the system said it last
}

// startLimit bounds how long the gateway may take to be ready, stopLimit how long to end.
const (
	startLimit = 2 * time.Minute
	stopLimit  = 2 * time.Minute
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
		c.look()
		_ = c.cmd.Process.Signal(os.Interrupt)
		select {
		case <-c.ended:
		case <-time.After(stopLimit):
			_ = c.cmd.Process.Kill()
			<-c.ended
		}
	})
}

// kill is kill -9.
func (c *child) kill() {
	c.stopOnce.Do(func() {
		c.look()
		_ = c.cmd.Process.Kill()
		<-c.ended
	})
}

// cpu is the processor time of the ended process.
func (c *child) cpu() time.Duration {
	s := c.cmd.ProcessState
	return s.UserTime() + s.SystemTime()
}

// look reads the largest resident set of the running process, where the system tells it.
func (c *child) look() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			c.peak = kb / 1024
		}
	}
}

// peakMB is the largest resident set of the ended process; 0 where the system does not tell. What it says at the end of a
// process counts ours too, from before the other program began, so it is only the second choice.
func (c *child) peakMB() float64 {
	if c.peak > 0 {
		return c.peak
	}
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

// ready waits until the gateway says that it takes messages.
func ready(ctx context.Context, addr string, ended <-chan struct{}) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			return errors.New("the gateway ended while starting")
		case <-time.After(2 * time.Millisecond):
		}
	}
}
