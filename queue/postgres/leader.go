package postgres

import (
	"context"
	"time"
)

// leaderTime is how long a gateway leads without saying so again.
const leaderTime = 2 * time.Minute

const leaderTake = `INSERT INTO leader (name, owner, until) VALUES ($1, $2, now_ns() + $3::bigint)
	ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
	WHERE leader.owner = excluded.owner OR leader.until <= now_ns()`

// Leads says whether this gateway is the one that does a job for all: the first that asks, until it closes or has not
// asked for two minutes (those of the database's clock). Work that takes longer asks again meanwhile, and work that
// must never be done twice is guarded by what it commits, as always: a gateway can lose the lead without noticing.
func (s *Store) Leads(ctx context.Context, job string) (bool, error) {
	if err := s.usable(); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, roundTrip, ErrUnavailable) // it sits on a connection for claims
	defer cancel()
	tag, err := s.claims.Exec(ctx, leaderTake, job, s.owner, int64(leaderTime))
	if err != nil {
		return false, s.readError(ctx, err)
	}
	return tag.RowsAffected() == 1, nil
}
