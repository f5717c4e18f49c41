package postgrestest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is what all processes of the server have used so far, those that have ended too, 0 where the system does not tell.
func (s *Server) CPU() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return 0
	}
	root := s.cmd.Process.Pid
	total := int64(0)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		// Behind the name, which may hold anything: state, parent, ... user and system time, and those of ended children.
		_, rest, _ := strings.Cut(string(raw), ") ")
		w := strings.Fields(rest)
		if len(w) < 15 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		parent, _ := strconv.Atoi(w[1])
		if pid != root && parent != root {
			continue
		}
		last := 13
		if pid == root {
			last = 15
		}
		for _, t := range w[11:last] {
			n, _ := strconv.ParseInt(t, 10, 64)
			total += n
		}
	}
	return time.Duration(total) * (time.Second / 100) // clock ticks: 100 a second on Linux
}
