//go:build unix

package postgrestest

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// How a server is told to end.
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

// pause stops a process where it is.
func pause(p *os.Process) { _ = p.Signal(syscall.SIGSTOP) }

// other is the user that servers run as when the tests run as root: nobody, which every system has.
func other() (uid, gid int, needed bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid, true
		}
	}
	return 65534, 65534, true
}

func credential() *syscall.SysProcAttr {
	uid, gid, needed := other()
	if !needed {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// own gives a path, with what is in it, to the user of the server.
func (s *Server) own(path string) error {
	uid, gid, needed := other()
	if !needed {
		return nil
	}
	return filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(p, uid, gid)
	})
}
