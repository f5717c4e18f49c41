package main

import (
	"context"
	"fmt"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/figures"
	"github.com/samvirke/samvirke/internal/gateway"
)

// figuresJob makes the counter of outcome figures, and the job that runs it. The plans come from the gateway, which
// is not there yet.
func (h *house) figuresJob() (gateway.Job, error) {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		return gateway.Job{}, fmt.Errorf("figures: %w", err)
	}
	if _, err := gateway.ParseSpec(h.cfg.Figures.When); err != nil {
		return gateway.Job{}, &exitError{code: exitBadConfig, err: fmt.Errorf("figures.when: %w", err)}
	}
	h.figures, err = figures.New(figures.Options{
		Store: h.store, Now: h.now(), Zone: zone, Smallest: h.cfg.Figures.Smallest, Population: population(h.cfg),
		Load:   func(ctx context.Context, patient string) (*careplan.Plan, error) { return h.gateway.Plan(ctx, patient) },
		PlanID: func(patient string) string { return h.gateway.PlanID(patient) },
		Municipality: func(patient string) string {
			m, _ := h.cfg.Directory.Find(patient)
			return m
		},
		Serves: h.servesMunicipality,
	})
	if err != nil {
		return gateway.Job{}, err
	}
	h.registry.MustRegister(figures.NewCollector(h.figures))
	return gateway.Job{Name: "figures", Spec: h.cfg.Figures.When, AtStart: true, Run: h.figures.Run}, nil
}

func population(cfg *config.Config) map[string]int {
	out := map[string]int{}
	for _, p := range cfg.Figures.Population {
		out[p.Municipality] = p.Inhabitants
	}
	return out
}

// servesMunicipality lists the parties that serve a municipality; for "" all municipal ones.
func (h *house) servesMunicipality(number string) []string {
	var out []string
	for i := range h.cfg.Parties {
		p := &h.cfg.Parties[i]
		if p.Role == "municipality" && (number == "" || p.Municipality == number) {
			out = append(out, p.ID)
		}
	}
	return out
}
