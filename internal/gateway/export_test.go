package gateway

import "time"

// Ramp is how many deliveries may be on the wire at once after a party came back.
func Ramp(full int, closed, now time.Time) int { return ramp(full, closed, now) }

// EraseAtOnce makes retention look at so many people before others have their turn.
func EraseAtOnce(g *Gateway, people int) { g.ended.atOnce = people }

// OthersWait sets how long a run that erases leaves what stays.
func OthersWait(g *Gateway, d time.Duration) { g.ended.others = d }
