package loopback_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/samvirke/samvirke/internal/loopback"
)

// An address can be listened on, again and again, and lies where no system hands out ports by itself.
func TestFree(t *testing.T) {
	for range 50 {
		addr, err := loopback.Free()
		if err != nil {
			t.Fatal(err)
		}
		host, text, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(text)
		if err != nil || host != "127.0.0.1" || port < 15000 || port >= 32768 {
			t.Errorf("%s: not below the ports that are handed out (%v)", addr, err)
		}
	}
}
