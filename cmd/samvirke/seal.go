package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sealed"
)

// masterKeys are the master keys of a configuration, the one in use first; nil when the store is not encrypted.
func masterKeys(e config.Encryption) ([]sealed.MasterKey, error) {
	if e.Key.IsZero() {
		if len(e.Old) > 0 {
			return nil, fail(exitBadConfig, "encryption.key: old keys are given and no key to seal the store under")
		}
		return nil, nil
	}
	var out []sealed.MasterKey
	for _, m := range append([]config.MasterKey{{KeyID: e.KeyID, Key: e.Key}}, e.Old...) {
		k, err := sealed.ParseKey(m.KeyID, m.Key.Reveal())
		if err != nil {
			return nil, fail(exitBadConfig, "encryption: %w", err)
		}
		for _, other := range out {
			if other.ID == k.ID {
				return nil, fail(exitBadConfig, "encryption: two master keys are called %s", k.ID)
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// openStore opens the store of a configuration for writing, through encryption when there is a master key, and goes on
// with erasures that were interrupted. Exit code 78 when the master key is not the store's: starting again will not help.
func openStore(ctx context.Context, o storeOptions, e config.Encryption) (queue.Store, error) {
	keys, err := masterKeys(e)
	if err != nil {
		return nil, err
	}
	return openWith(ctx, o, keys)
}

func openWith(ctx context.Context, o storeOptions, keys []sealed.MasterKey) (queue.Store, error) {
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	queue.Reach(queue.PointStoreOpened)
	whole, err := sealStore(ctx, s, keys)
	if err == nil {
		err = gateway.Forget{Store: whole, Now: time.Now}.Resume(ctx)
	}
	if err != nil {
		return nil, errors.Join(keyError(err), s.Close())
	}
	return whole, nil
}

func sealStore(ctx context.Context, s queue.Store, keys []sealed.MasterKey) (queue.Store, error) {
	if len(keys) == 0 {
		return s, sealed.MustBePlain(ctx, s)
	}
	return sealed.Open(ctx, s, keys...)
}

// sealedReader is sealStore for reading beside a running gateway.
func sealedReader(ctx context.Context, r reader, keys []sealed.MasterKey) (reader, error) {
	if len(keys) == 0 {
		if err := sealed.MustBePlain(ctx, r); err != nil {
			return nil, errors.Join(keyError(err), r.Close())
		}
		return r, nil
	}
	s, err := sealed.NewReader(ctx, r, keys...)
	if err != nil {
		return nil, errors.Join(keyError(err), r.Close())
	}
	return s, nil
}

func keyError(err error) error {
	var said *exitError
	if errors.Is(err, queue.ErrMasterKey) && !errors.As(err, &said) {
		return fail(exitBadConfig, "master-key: %w; see encryption in the configuration", err)
	}
	return err
}

// retentionJob is the job that drops what has been kept long enough.
func (h *house) retentionJob() (gateway.Job, error) {
	c := h.cfg.Retention
	if _, err := gateway.ParseSpec(c.When); err != nil {
		return gateway.Job{}, &exitError{code: exitBadConfig, err: fmt.Errorf("retention.when: %w", err)}
	}
	r := gateway.Retention{Payloads: c.Payloads, Records: c.Records, Traces: c.Traces, Audit: c.Audit}
	return gateway.RetentionJob(c.When, r, func() *gateway.Gateway { return h.gateway }), nil
}
