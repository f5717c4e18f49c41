package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// maxPrepared bounds the statements kept prepared on each reading connection, about 10 KB each; a question
// beyond them is asked as it is.
const maxPrepared = 24

// prepared runs the questions that the gateway itself asks for each message: to parse such a question
// costs as much as to answer it. What people ask goes to the database as it is, so that the many shapes
// of a search do not push these out.
type prepared struct {
	db *sql.DB

	mu     sync.Mutex
	byText map[string]*sql.Stmt
}

// asker is what runs a question: the pool itself, or its prepared statements.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// QueryContext is sql.DB's. It does not end with ctx once it has begun: such a question reads a few rows by
// key, and watching over it takes a goroutine.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	s, err := p.statement(ctx, query) //nolint:sqlclosecheck // kept; it ends with its connections
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.db.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// statement gives the statement for a text, nil when there are too many already.
func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.byText[query]; s != nil {
		return s, nil
	}
	if len(p.byText) >= maxPrepared {
		return nil, nil
	}
	s, err := p.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // kept; it ends with its connections
	if err != nil {
		return nil, err
	}
	p.byText[query] = s
	return s, nil
}
