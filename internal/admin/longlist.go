package admin

// manyRows is how many rows of sources or versions the plan page shows at once; more are folded away, because at the
// end of a long course they would be most of the page. Unit: rows.
const manyRows = 12

// ManySources tells whether the sources are folded away.
func (p *planPage) ManySources() bool { return len(p.SourceList) > manyRows }

// ManyVersions tells whether the versions are folded away.
func (p *planPage) ManyVersions() bool { return len(p.Versions) > manyRows }
