package main

import (
	"fmt"

	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/route"
)

type routeCmd struct {
	Test routeTestCmd `cmd:"" help:"Explain which rule chooses whom for a message."`
}

type routeTestCmd struct {
	Config string   `help:"Configuration file." required:"" env:"SAMVIRKE_CONFIG" placeholder:"FILE"`
	From   string   `help:"Sending party; found by the HER-ids in the message when not given."`
	Team   []string `help:"HER-ids of the care team."`
	JSON   bool     `help:"Print JSON."`
	File   string   `arg:"" help:"Message file, - for standard input."`
}

func routes(cfg *config.Config) (*route.Table, []error) { return route.New(cfg.Words(), rules(cfg)) }

// Run explains a routing decision without sending anything.
func (c *routeTestCmd) Run(a *app) error {
	cfg, err := a.loadConfig(c.Config)
	if err != nil {
		return err
	}
	t, errs := routes(cfg)
	if len(errs) > 0 {
		return fail(exitBadConfig, "%w", errs[0])
	}
	raw, err := a.readFile(c.File)
	if err != nil {
		return err
	}
	fs, err := formats(!cfg.Test())
	if err != nil {
		return err
	}
	p, fault := parse(fs, raw)
	if fault != nil {
		return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", c.File, fault)}
	}
	in := route.Input{Envelope: p.Envelope, From: c.From, Team: c.Team, PlanChanged: true}
	if in.From == "" {
		in.From = senderOf(cfg, p.Envelope.Sender.HER(), p.Envelope.Sender.Enterprise())
	}
	in.Municipality, in.GP = cfg.Directory.Find(p.Envelope.Patient.Key())
	if in.Municipality == "" {
		in.Municipality = p.Envelope.Patient.Municipality
	}
	d := t.Decide(in)
	if c.JSON {
		return a.json(d)
	}
	_, err = fmt.Fprint(a.out, route.Explain(d))
	return err
}

func senderOf(cfg *config.Config, hers ...string) string {
	for _, h := range hers {
		for _, p := range cfg.Parties {
			for _, own := range p.HER {
				if own == h && h != "" {
					return p.ID
				}
			}
		}
	}
	return ""
}
