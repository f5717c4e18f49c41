package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// storeFlags say where the store is: a data folder, or a configuration that names it.
type storeFlags struct {
	Config string `help:"Configuration file." env:"SAMVIRKE_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder; overrides the configuration." env:"SAMVIRKE_DATA" placeholder:"DIR"`
}

func (f *storeFlags) dir(a *app) (string, error) {
	if f.Data != "" {
		return f.Data, nil
	}
	if f.Config == "" {
		return "", fail(exitUsage, "say where the store is: --data DIR or --config FILE")
	}
	cfg, err := a.loadConfig(f.Config)
	if err != nil {
		return "", err
	}
	return cfg.DataDir, nil
}

// reader is a store opened for reading beside a running gateway.
type reader interface {
	queue.Reader
	Close() error
}

func (f *storeFlags) openReader(a *app) (reader, error) {
	dir, err := f.dir(a)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	s, err := sqlite.OpenReader(dir)
	if err != nil {
		return nil, fmt.Errorf("open store for reading: %w", err)
	}
	return s, nil
}

// openAlone opens the store for writing; the gateway must not be running on it.
func (f *storeFlags) openAlone(ctx context.Context, a *app) (queue.Store, error) {
	dir, err := f.dir(a)
	if err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Dir: dir})
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
