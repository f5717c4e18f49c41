package main

import (
	"context"
	"errors"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// storeOptions choose the engine: a database when there is one, otherwise a folder.
type storeOptions struct {
	file     sqlite.Options
	database *postgres.Options
}

// placeOf is where a configuration keeps everything.
func placeOf(cfg *config.Config) storeOptions {
	o := storeOptions{file: sqlite.Options{Dir: cfg.DataDir}}
	if p := cfg.Store.Postgres; p != nil {
		o.database = &postgres.Options{URL: p.URL, Password: p.Password.Reveal(), Schema: p.Schema, Alive: p.Alive, Ahead: postgres.DefaultAhead}
	}
	return o
}

// storeOptions are those of a gateway that runs.
func (h *house) storeOptions() storeOptions {
	o := placeOf(h.cfg)
	o.file.Logger, o.file.Now, o.file.DiskBudget, o.file.Registerer = h.log, h.now(), int64(h.cfg.DiskBudget), h.registry
	o.file.Memory = memorySet()
	if d := o.database; d != nil {
		d.Logger, d.DiskBudget, d.Registerer = h.log, int64(h.cfg.DiskBudget), h.registry
	}
	return o
}

func (o storeOptions) open(ctx context.Context) (queue.Store, error) {
	if o.database == nil {
		s, err := sqlite.Open(ctx, o.file)
		if err != nil {
			return nil, err // not the nil *Store: it would be no nil Store
		}
		return s, nil
	}
	s, err := postgres.Open(ctx, *o.database)
	if errors.Is(err, postgres.ErrUnavailable) || errors.Is(err, postgres.ErrLocked) {
		return nil, fail(exitTryLater, "the database of the store: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (o storeOptions) reader(ctx context.Context) (reader, error) {
	if o.database == nil {
		return sqlite.OpenReader(o.file.Dir)
	}
	return postgres.OpenReader(ctx, *o.database)
}
