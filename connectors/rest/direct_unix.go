//go:build unix

package rest

import (
	"errors"
	"syscall"
)

// canProbe says that a kept connection can be looked at before it is used.
const canProbe = true

// probe looks whether the other side has closed a connection that nobody reads from.
type probe struct {
	raw  syscall.RawConn
	look func(fd uintptr) bool // made once, because it is needed for each request
	b    [1]byte
	open bool
}

func (c *directConn) watch() {
	s, ok := c.wire.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	p := &c.probe
	p.raw = raw
	p.look = func(fd uintptr) bool {
		n, err := syscall.Read(int(fd), p.b[:])
		p.open = n < 0 && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR))
		return true // never wait
	}
}

// open tells whether the connection is as it was left: no end and no unasked byte has come.
func (c *directConn) open() bool {
	p := &c.probe
	p.open = false
	return p.raw != nil && p.raw.Read(p.look) == nil && p.open
}
