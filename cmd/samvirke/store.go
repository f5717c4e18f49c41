package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sealed"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// storeFlags say where the store is: a data folder, or a configuration that names it.
type storeFlags struct {
	Config string `help:"Configuration file." env:"SAMVIRKE_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder; overrides the configuration." env:"SAMVIRKE_DATA" placeholder:"DIR"`

	MasterKeyFile string `help:"File with the master key of an encrypted store, for --data without --config." env:"SAMVIRKE_MASTER_KEY_FILE" placeholder:"FILE"`
	MasterKeyID   string `help:"Name of that key in the store." env:"SAMVIRKE_MASTER_KEY_ID" default:"1"`
}

// place says where the store is and what it is sealed under.
func (f *storeFlags) place(a *app) (o storeOptions, keys []sealed.MasterKey, err error) {
	switch {
	case f.Config != "":
		cfg, err := a.loadConfig(f.Config)
		if err != nil {
			return o, nil, err
		}
		o = placeOf(cfg)
		if keys, err = masterKeys(cfg.Encryption); err != nil {
			return o, nil, err
		}
	case f.Data == "":
		return o, nil, fail(exitUsage, "say where the store is: --data DIR or --config FILE")
	}
	if f.Data != "" {
		o = storeOptions{file: sqlite.Options{Dir: f.Data}}
	}
	if f.MasterKeyFile == "" {
		return o, keys, nil
	}
	text, err := os.ReadFile(f.MasterKeyFile)
	if err != nil {
		return o, nil, &exitError{code: exitUsage, err: fmt.Errorf("read master key: %w", err)}
	}
	k, err := sealed.ParseKey(f.MasterKeyID, string(text))
	if err != nil {
		return o, nil, &exitError{code: exitUsage, err: err}
	}
	return o, []sealed.MasterKey{k}, nil
}

// reader is a store opened for reading beside a running gateway.
type reader interface {
	queue.Reader
	Close() error
}

func (f *storeFlags) openReader(a *app) (reader, error) {
	o, keys, err := f.place(a)
	if err != nil {
		return nil, err
	}
	if o.database == nil {
		if _, err := os.Stat(o.file.Dir); err != nil {
			return nil, &exitError{code: exitUsage, err: err}
		}
	}
	return openStoreReader(a.ctx, o, keys)
}

// openStoreReader opens a store for reading, through encryption when there is a master key.
func openStoreReader(ctx context.Context, o storeOptions, keys []sealed.MasterKey) (reader, error) {
	s, err := o.reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("open store for reading: %w", err)
	}
	return sealedReader(ctx, s, keys)
}

// openAlone opens the store for writing; on one that is a folder no gateway may be running.
func (f *storeFlags) openAlone(ctx context.Context, a *app) (queue.Store, error) {
	o, keys, err := f.place(a)
	if err != nil {
		return nil, err
	}
	s, err := openWith(ctx, o, keys)
	if errors.Is(err, sqlite.ErrLocked) {
		return nil, fail(exitTryLater, "a gateway is running on this store: use its web page, or --url with a sign-in")
	}
	return s, err
}

// loadConfig loads a configuration and prints every mistake; exit code 78 when there is one.
func (a *app) loadConfig(path string) (*config.Config, error) {
	cfg, problems := config.Load(path)
	for _, p := range problems {
		fmt.Fprintln(a.errs, p)
	}
	if len(problems) > 0 {
		return nil, fail(exitBadConfig, "%s: %s", path, mistakes(len(problems)))
	}
	return cfg, nil
}
