package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan/function"
	"github.com/samvirke/samvirke/queue"
)

// pictureView is the picture of function as it is drawn: rows by ICF category, columns in time, native values.
type pictureView struct {
	*function.Picture
	Rows, Scales  []pictureRow
	Disagreements []disagreeView
	Past          int // disagreements that a later assessment has settled
	Gaps          []settingGapView
	Shapes        []instrumentShape
	Bands         bool // at least one point has a band
}

// pictureRow is one row, drawn and in words.
type pictureRow struct {
	ID, Label, Also, Anchor string
	Stale                   bool
	Width, Height           int
	Dates                   []pictureText
	Bands                   []pictureBand
	Segments                []pictureSegment
	Points                  []picturePoint
	Arrows                  []pictureArrow
	Cells                   []function.Cell
	Alt                     string
}

// pictureText is a word at a place of the drawing.
type pictureText struct {
	X, Y int
	Text string
}

type pictureBand struct{ X, Y, Width, Height float64 }

type pictureSegment struct {
	X1, Y1, X2, Y2 float64
}

// picturePoint is one value: where it lies on its own scale, better at the top, and what it says below.
type picturePoint struct {
	X, Y           float64
	Shape          string // "" when it is no number: it stands in words only
	Text           string
	TextX, TextY   int
	Stale, Ceiling bool
	Need           bool
}

// pictureArrow is a change along one line.
type pictureArrow struct {
	Instrument, Sign, Tone, Text, Of string
	From, To                         string
}

// instrumentShape is the legend: one shape for each instrument.
type instrumentShape struct{ Name, Shape string }

type disagreeView struct {
	function.Disagreement
	RowLabel string
	A, B     function.Cell
}

// Both are the two values.
func (d disagreeView) Both() []function.Cell { return []function.Cell{d.A, d.B} }

type settingGapView struct {
	function.SettingGap
	RowLabel string
	A, B     function.Cell
}

// The drawing of a row, in pixels: columns side by side, each value with its words beside it.
const (
	picColumn = 164 // width of a column
	picTop    = 26  // dates above
	picPlot   = 48  // height of the part where values are drawn
	picLine   = 15  // least distance of two lines of words
)

// pictureOf prepares a picture for drawing; nil when nothing was assessed.
func pictureOf(p *function.Picture) *pictureView {
	if p == nil || len(p.Columns) == 0 && len(p.Words) == 0 && len(p.Marks) == 0 {
		return nil
	}
	v := &pictureView{Picture: p}
	shape := v.shapes(p)
	for i, r := range p.Rows {
		v.Rows = append(v.Rows, v.row(r, fmt.Sprintf("row-%d", i), shape))
	}
	for i, r := range p.Scales {
		v.Scales = append(v.Scales, v.row(r, fmt.Sprintf("scale-%d", i), shape))
	}
	for _, d := range p.Disagreements {
		if d.Past {
			v.Past++
		}
		if r, ok := rowOf(p, d.Row); ok && len(d.Cells) == 2 && inRange(r, d.Cells[0]) && inRange(r, d.Cells[1]) {
			v.Disagreements = append(v.Disagreements, disagreeView{d, rowLabel(r), r.Cells[d.Cells[0]], r.Cells[d.Cells[1]]})
		}
	}
	for _, g := range p.Gaps {
		if r, ok := rowOf(p, g.Row); ok && inRange(r, g.Capacity) && inRange(r, g.Performance) {
			g.Text = strings.TrimPrefix(g.Text, rowLabel(r)+": ") // the page says it before
			v.Gaps = append(v.Gaps, settingGapView{g, rowLabel(r), r.Cells[g.Capacity], r.Cells[g.Performance]})
		}
	}
	return v
}

func inRange(r function.Row, i int) bool { return i >= 0 && i < len(r.Cells) }

func rowOf(p *function.Picture, id string) (function.Row, bool) {
	for _, r := range slices.Concat(p.Rows, p.Scales) {
		if r.ID == id {
			return r, true
		}
	}
	return function.Row{}, false
}

func rowLabel(r function.Row) string { return or(r.Label, r.ID) }

// shapes gives each instrument a shape, in the order in which they first appear.
func (v *pictureView) shapes(p *function.Picture) func(instrument string) string {
	var names []string
	for _, r := range slices.Concat(p.Rows, p.Scales) {
		for _, c := range r.Cells {
			if c.State != function.StateMissing && !slices.Contains(names, c.Instrument) {
				names = append(names, c.Instrument)
			}
			v.Bands = v.Bands || c.Band != nil
		}
	}
	for i, n := range names {
		v.Shapes = append(v.Shapes, instrumentShape{or(instrumentNames[n], n), shapeOf(i)})
	}
	return func(instrument string) string { return shapeOf(slices.Index(names, instrument)) }
}

func (v *pictureView) row(r function.Row, anchor string, shape func(string) string) pictureRow {
	out := pictureRow{ID: r.ID, Label: rowLabel(r), Also: strings.Join(r.Also, ", "), Anchor: anchor, Stale: r.Stale, Cells: r.Cells,
		Width: max(1, len(v.Columns)) * picColumn}
	for i, c := range v.Columns {
		out.Dates = append(out.Dates, pictureText{X: i*picColumn + 6, Y: 16, Text: shortDate(c.Date)})
	}
	places := make([]picturePoint, len(r.Cells))
	bottom := float64(picTop + picPlot)
	for col := range v.Columns {
		bottom = max(bottom, out.column(col, r, places, shape))
	}
	out.Height = int(bottom) + 12
	out.lines(r, places)
	out.Alt = out.words(v, r)
	return out
}

// column places the values of one column: points at the height of their value, words beside them with room between.
// It returns how far down it reaches.
func (out *pictureRow) column(col int, r function.Row, places []picturePoint, shape func(string) string) (bottom float64) {
	var cells []int
	for i, c := range r.Cells {
		if c.State != function.StateMissing && c.Column == col {
			cells = append(cells, i)
		}
	}
	height := func(i int) float64 {
		y, ok := cellHeight(r, r.Cells[i])
		if !ok {
			return picTop + picPlot // what is no number stands at the foot, in words only
		}
		return picTop + 4 + y*(picPlot-8)
	}
	slices.SortStableFunc(cells, func(a, b int) int { return int(height(a) - height(b)) })
	last, lastY, shift := -float64(picLine), -100.0, 0.0
	for _, i := range cells {
		c := r.Cells[i]
		y := height(i)
		if shift += 11; y-lastY > 9 {
			shift = 0
		}
		lastY = y
		pt := picturePoint{X: float64(col*picColumn) + 14 + shift, Text: c.Label, TextX: col*picColumn + 26 + min(len(cells)-1, 3)*8, Stale: c.Stale, Ceiling: c.Ceiling}
		if _, ok := cellHeight(r, c); ok {
			pt.Y, pt.Shape = y, shape(c.Instrument)
		}
		last = max(y+4, last+picLine)
		pt.TextY = int(last)
		if c.Band != nil {
			pt.Need = c.Band.Need
			out.Bands = append(out.Bands, pictureBand{X: pt.X - 9, Width: 18, Y: picTop + picPlot*float64(c.Band.Low)/5, Height: picPlot * float64(c.Band.High-c.Band.Low+1) / 5})
		}
		places[i] = pt
		out.Points = append(out.Points, pt)
	}
	return last
}

// cellHeight is where a value lies between the best (0) and the worst (1) of its own scale; false when it is no
// number of it. A scale without an end is drawn as far as its values go.
func cellHeight(r function.Row, c function.Cell) (float64, bool) {
	if c.Number == nil || c.State != function.StateValue {
		return 0, false
	}
	lo, hi := c.Min, c.Max
	if c.Open || hi <= lo {
		lo, hi = *c.Number, *c.Number
		for _, o := range r.Cells {
			if o.Number != nil && o.State == function.StateValue && o.Instrument == c.Instrument && o.Item == c.Item {
				lo, hi = min(lo, *o.Number), max(hi, *o.Number)
			}
		}
	}
	if hi <= lo {
		return 0.5, true
	}
	share := min(1, max(0, (*c.Number-lo)/(hi-lo)))
	if c.Better == function.Down {
		return share, true
	}
	return 1 - share, true
}

// lines draws what the picture joins, and nothing else: it joins only equal comparability keys.
func (out *pictureRow) lines(r function.Row, places []picturePoint) {
	for _, l := range r.Lines {
		for i := 1; i < len(l.Cells); i++ {
			if !inRange(r, l.Cells[i-1]) || !inRange(r, l.Cells[i]) {
				continue
			}
			a, b := places[l.Cells[i-1]], places[l.Cells[i]]
			if a.Shape != "" && b.Shape != "" {
				out.Segments = append(out.Segments, pictureSegment{a.X, a.Y, b.X, b.Y})
			}
		}
		if len(l.Cells) < 2 || !inRange(r, l.Whole.From) || !inRange(r, l.Whole.To) {
			continue
		}
		w := pictureArrow{Instrument: or(instrumentNames[l.Instrument], l.Instrument), Text: l.Whole.Text, Of: l.Whole.Of,
			From: r.Cells[l.Whole.From].Shown, To: r.Cells[l.Whole.To].Shown}
		w.Sign, w.Tone = arrowOf(l.Whole)
		out.Arrows = append(out.Arrows, w)
	}
}

func arrowOf(s function.Step) (sign, tone string) {
	switch s.Direction {
	case function.DirectionBetter:
		return "▲", "ok"
	case function.DirectionWorse:
		return "▼", "stop"
	case function.DirectionSame:
		return "=", "calm"
	}
	return "≠", "calm"
}

// words tells a row to those who do not see it.
func (out *pictureRow) words(v *pictureView, r function.Row) string {
	var parts []string
	for _, c := range r.Cells {
		if c.State == function.StateMissing || c.Column < 0 || c.Column >= len(v.Columns) {
			continue
		}
		parts = append(parts, or(shortDate(v.Columns[c.Column].Date), "no date")+": "+c.Label)
	}
	for _, a := range out.Arrows {
		parts = append(parts, a.Instrument+" from "+a.From+" to "+a.To+". "+a.Text)
	}
	return out.Label + ". " + strings.Join(parts, "; ")
}

// CellWhen is when a cell was assessed.
func (v *pictureView) CellWhen(c function.Cell) string {
	if c.Column < 0 || c.Column >= len(v.Columns) {
		return ""
	}
	return v.Columns[c.Column].Date
}

// StateText says a cell's state where it is no plain value.
func (v *pictureView) StateText(c function.Cell) string {
	switch c.State {
	case function.StateWords:
		return "in words"
	case function.StateInvalid:
		return "outside the scale, shown as written"
	case function.StateNotRelevant:
		return "not relevant"
	case function.StateNotAssessed:
		return "not assessed"
	case function.StateMissing:
		return "missing"
	}
	return ""
}

// SettingText says where a value was found.
func (v *pictureView) SettingText(c function.Cell) string {
	var parts []string
	switch c.Setting {
	case function.SettingStandard:
		parts = append(parts, "under test: can do")
	case function.SettingUsual:
		parts = append(parts, "daily life: does")
	}
	if c.Place == function.PlaceInstitution {
		parts = append(parts, "in an institution")
	}
	if c.Informer != "" {
		parts = append(parts, "told by "+c.Informer)
	}
	if c.Before {
		parts = append(parts, "before the stay")
	}
	return strings.Join(parts, ", ")
}

// Mark says a mark of the picture's own lane.
func (v *pictureView) Mark(m function.Mark) markView {
	return markOf(markLike(m))
}

// functionPage is the page of the picture of function.
func (s *Server) functionPage(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	version, err := versionOf(r.URL.Query().Get("version"))
	if err != nil {
		return err
	}
	p, err := s.planData(r.Context(), x, patient, version)
	if err != nil {
		return err
	}
	if err := s.noteRead(r, x, "read-plan", fmt.Sprintf("function, plan version %d", p.Version.Version), patient); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "function", view{Title: "Picture of function", Section: "plans", Live: "plan:" + p.PersonID, Data: p})
	return nil
}

// Latest are the newest values of a row, one for each instrument, for the short form on the plan page.
func (out pictureRow) Latest() []function.Cell {
	var list []function.Cell
	for _, c := range slices.Backward(out.Cells) {
		if c.State != function.StateMissing && !slices.ContainsFunc(list, func(o function.Cell) bool { return o.Instrument == c.Instrument && o.Item == c.Item }) {
			list = append(list, c)
		}
	}
	slices.Reverse(list)
	return list
}

// At is the time the picture was drawn for.
func (v *pictureView) At() time.Time { return v.Picture.Now }
