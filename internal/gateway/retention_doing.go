package gateway

import "sync"

// doing are erasures that are being done: who looks for interrupted ones leaves them alone.
type doing struct {
	mu    sync.Mutex
	names map[string]bool
}

func (d *doing) begin(name string) (end func()) {
	if d == nil {
		return func() {}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names = map[string]bool{}
	}
	d.names[name] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.names, name)
	}
}

func (d *doing) has(name string) bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name]
}
