package main

import (
	"fmt"
	"time"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
)

type runCmd struct {
	Config string `help:"Configuration file." required:"" env:"SAMVIRKE_CONFIG" placeholder:"FILE"`

	// ClockFile is hidden because it has no place in production: see storyClock.
	ClockFile string `help:"Simulations only: take the time from this file and jump when it changes." hidden:"" placeholder:"FILE"`
}

// Run runs the gateway until it is told to stop. Exit code 78 for a bad configuration (do not restart),
// 75 when another gateway has the store, 1 when it cannot go on (restart).
func (c *runCmd) Run(a *app) error {
	start := time.Now()
	cfg, err := a.loadConfig(c.Config)
	if err != nil {
		return err
	}
	stopMemory := a.boundMemory()
	defer stopMemory()
	stopProfile, err := a.startProfiles()
	if err != nil {
		return err
	}
	defer stopProfile()
	defer a.writeStats()
	log := newLogger(a.errs, cfg.Log)
	h, err := openHouseAt(a.ctx, cfg, log, func(h *house) error {
		if c.ClockFile == "" {
			return nil
		}
		return h.followClock(c.ClockFile)
	})
	if err != nil {
		return err
	}
	defer h.stop()
	if err := h.printCredential(a); err != nil {
		if a.ctx.Err() != nil {
			return nil // told to stop while starting; the credential is made at the next start
		}
		return err
	}
	log.Info("ready", "listen", h.addr, "ui", h.adminURL, "took", time.Since(start))
	if err := h.wait(a.ctx); err != nil {
		return err
	}
	log.Info("stopping")
	return nil
}

// printCredential prints the first admin credential, once in the life of a store.
func (h *house) printCredential(a *app) error {
	if h.admin == nil {
		return nil
	}
	user, password, created, err := h.admin.EnsureCredential(a.ctx)
	if err != nil {
		return fmt.Errorf("make the first sign-in: %w", err)
	}
	if created {
		fmt.Fprintf(a.out, "Sign in at %s as %q with password %q. It is shown only this once.\n", h.adminURL, user, password)
	}
	return nil
}

type checkCmd struct {
	Config    string `help:"Configuration file." placeholder:"FILE" env:"SAMVIRKE_CONFIG"`
	Reference bool   `help:"Print every key with type, default and meaning instead."`
	JSON      bool   `help:"Print JSON."`
}

// Run checks a configuration file. Exit code 78 when it has mistakes.
func (c *checkCmd) Run(a *app) error {
	if c.Reference {
		if c.JSON {
			return a.json(map[string]string{"reference": config.Reference()})
		}
		_, err := fmt.Fprint(a.out, config.Reference())
		return err
	}
	if c.Config == "" {
		return fail(exitUsage, "say which file: --config FILE")
	}
	cfg, problems := config.Inspect(c.Config)
	var errs []error
	if len(problems) == 0 {
		_, errs = routes(cfg)
		if _, err := planRules(cfg); err != nil {
			errs = append(errs, err)
		}
		if _, err := gateway.ParseSpec(cfg.Figures.When); err != nil {
			errs = append(errs, fmt.Errorf("figures.when: %w", err))
		}
		if _, err := gateway.ParseSpec(cfg.Retention.When); err != nil {
			errs = append(errs, fmt.Errorf("retention.when: %w", err))
		}
		if _, err := masterKeys(cfg.Encryption); err != nil {
			errs = append(errs, err)
		}
	}
	warnings := []config.Problem{}
	if cfg != nil { // as far as it was read: all is told at once
		problems = append(problems, addressProblems(cfg)...)
		warnings = codeMapWarnings(cfg)
	}
	if c.JSON {
		texts := []string{}
		for _, e := range errs {
			texts = append(texts, e.Error())
		}
		if problems == nil {
			problems = []config.Problem{}
		}
		if err := a.json(map[string]any{"file": c.Config, "problems": problems, "warnings": warnings, "routes": texts}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(a.out, p)
		}
		for _, w := range warnings {
			fmt.Fprintf(a.out, "%v (a warning)\n", w)
		}
		for _, e := range errs {
			fmt.Fprintf(a.out, "%s: %v\n", c.Config, e)
		}
	}
	if n := len(problems) + len(errs); n > 0 {
		return fail(exitBadConfig, "%s: %s", c.Config, mistakes(n))
	}
	if !c.JSON {
		fmt.Fprintf(a.out, "%s: well, %d parties, %d rules\n", c.Config, len(cfg.Parties), len(rules(cfg)))
	}
	return nil
}

// mistakes counts them in words.
func mistakes(n int) string {
	if n == 1 {
		return "1 mistake"
	}
	return fmt.Sprintf("%d mistakes", n)
}
