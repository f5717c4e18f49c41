package gateway

import "time"

// Ramp is how many deliveries may be on the wire at once after a party came back.
func Ramp(full int, closed, now time.Time) int { return ramp(full, closed, now) }
