//go:build !unix

package postgrestest

import (
	"os"
	"syscall"
)

// How a server is told to end; there is no gentle way here.
var fast, immediate = os.Kill, os.Kill

func pause(*os.Process) {}

func credential() *syscall.SysProcAttr { return nil }

func (s *Server) own(string) error { return nil }
