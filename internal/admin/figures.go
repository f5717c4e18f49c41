package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/figures"
)

// figuresView is the page of outcome figures. They are free of personal data; small counts are not in the report.
type figuresView struct {
	At                           time.Time
	Smallest                     int
	Month, Municipality          string
	Months, Municipalities       []string
	Query                        string // of the month and municipality chosen, for the links
	Waits, Counts, States        []figureView
	AllMonths, AllMunicipalities string
}

// figureView is one figure with a row for each class.
type figureView struct {
	figures.Definition
	Rows  []figureRow
	Steps []string // headings
}

type figureRow struct {
	Class, N, Share, Mean, Per1000 string
	// Bar is the share in percent, for drawing; 0 where it is not told.
	Bar   int
	Steps []string
}

// figuresChoice is the month and municipality asked for, as far as the report has them.
func figuresChoice(r *http.Request, rep *figures.Report) (month, municipality string) {
	month, municipality = figures.All, figures.All
	if m := r.URL.Query().Get("month"); slices.Contains(rep.Months(), m) {
		month = m
	}
	if k := r.URL.Query().Get("municipality"); slices.Contains(rep.Municipalities(), k) {
		municipality = k
	}
	return month, municipality
}

func (s *Server) figuresPage(w http.ResponseWriter, r *http.Request, x *session) error {
	v := figuresView{AllMonths: figures.All, AllMunicipalities: figures.All, Month: figures.All, Municipality: figures.All}
	if rep := s.opt.Figures(); rep != nil {
		v.At, v.Smallest, v.Months, v.Municipalities = rep.At, rep.Smallest, rep.Months(), rep.Municipalities()
		v.Month, v.Municipality = figuresChoice(r, rep)
		v.Query = "?month=" + v.Month + "&municipality=" + v.Municipality
		for _, d := range figures.Definitions() {
			month := v.Month
			if d.Kind == figures.State {
				month = "" // as plans stand now
			}
			f := figureOf(d, rep.Of(d.Figure, month, v.Municipality), rep.Smallest)
			switch {
			case len(f.Rows) == 0:
			case d.Kind == figures.Wait:
				v.Waits = append(v.Waits, f)
			case d.Kind == figures.State:
				v.States = append(v.States, f)
			default:
				v.Counts = append(v.Counts, f)
			}
		}
	}
	s.render(w, r, x, http.StatusOK, "figures", view{Title: "Figures", Section: "figures", Data: v})
	return nil
}

func figureOf(d figures.Definition, rows []figures.Row, smallest int) figureView {
	f := figureView{Definition: d}
	if d.Kind == figures.Wait {
		for _, s := range figures.Steps() {
			f.Steps = append(f.Steps, "≤ "+took(s))
		}
		f.Steps = append(f.Steps, "longer")
	}
	for i := range rows {
		x := &rows[i]
		row := figureRow{Class: x.Class, N: strconv.FormatInt(x.N, 10)}
		if x.Few {
			row.N = "not told (small)"
		}
		if x.Few && smallest > 1 {
			row.N = fmt.Sprintf("not told (fewer than %d, or near it)", smallest)
		}
		if x.Share >= 0 {
			row.Bar = int(x.Share*100 + 0.5)
			row.Share = strconv.Itoa(row.Bar) + " %"
		}
		if x.Mean > 0 {
			row.Mean = took(x.Mean)
		}
		if x.Per1000 >= 0 {
			row.Per1000 = strconv.FormatFloat(x.Per1000, 'f', 2, 64)
		}
		for _, n := range x.Steps {
			row.Steps = append(row.Steps, strconv.FormatInt(n, 10))
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

func (s *Server) figuresCSV(w http.ResponseWriter, _ *http.Request, _ *session) error {
	rep := s.opt.Figures()
	if rep == nil {
		return errNoPage
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="samvirke-figures-`+rep.At.UTC().Format("2006-01-02")+`.csv"`)
	return rep.WriteCSV(w)
}

// measureReport gives a figure as a FHIR MeasureReport.
func (s *Server) measureReport(w http.ResponseWriter, r *http.Request, _ *session) error {
	rep := s.opt.Figures()
	f := figures.Figure(r.PathValue("figure"))
	i := slices.IndexFunc(figures.Definitions(), func(d figures.Definition) bool { return d.Figure == f })
	if rep == nil || i < 0 {
		return errNoPage
	}
	month, municipality := figuresChoice(r, rep)
	if figures.Definitions()[i].Kind == figures.State {
		month = ""
	}
	n := rep.MeasureReport(f, month, municipality)
	if n == nil {
		return errNoPage
	}
	writeFHIR(w, n)
	return nil
}

// measures gives the definitions of the figures as a FHIR Bundle of Measure resources.
func (s *Server) measures(w http.ResponseWriter, _ *http.Request, _ *session) error {
	list := fhir.NewArray()
	for _, m := range figures.Measures() {
		list.Add(fhir.NewObject("fullUrl", m.Get("url").Text(), "resource", m))
	}
	writeFHIR(w, fhir.NewObject("resourceType", "Bundle", "type", "collection", "entry", list))
	return nil
}

func writeFHIR(w http.ResponseWriter, n *fhir.Node) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	_, _ = w.Write(n.Bytes()) // nobody to tell when the browser has gone
}
