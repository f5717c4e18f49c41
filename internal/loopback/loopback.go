// Package loopback finds addresses for servers that must know theirs before they listen: gateways, databases and parties
// that tests and measurements start, kill and start again on the same address.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports handed out lie below those that systems give to whoever asks for any (32768 and up on Linux, 49152 and up
// elsewhere). A port from up there that is free now may be the near end of somebody's connection a moment later, and then
// a server that was told to use it cannot start; down here nobody takes one by chance.
const (
	lowest  = 15000
	highest = 31999
	tries   = 200
)

// Free gives "127.0.0.1:PORT" with a port between 15000 and 31999 on which nobody listens right now, chosen at random so
// that processes beside each other rarely ask for the same. The error is that of the last of 200 tries.
func Free() (string, error) {
	var last error
	for range tries {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest+1)))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, l.Close()
		}
		last = err
	}
	return "", fmt.Errorf("no free port between %d and %d: %w", lowest, highest, last)
}
