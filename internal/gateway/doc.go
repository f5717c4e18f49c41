// Package gateway is the conductor: receive, process, deliver, receipt, clocks.
// It is the only room that knows the whole path of a message.
package gateway
