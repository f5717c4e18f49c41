// Package connectors is the workshop for wires: bytes in, bytes out, and each
// protocol's own answers. A connector knows who is at the other end and keeps
// size and time limits; it knows nothing of formats, and it never answers
// "taken" before Receiver.Receive has returned.
//
// Each protocol is a package below; cmd/samvirke lists them. All pass connectors/connectortest.
package connectors
