package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/folder"
)

// Lend serves control planes on a unix socket until the context ends: to each
// process that connects it gives one for as long as the connection lasts, a
// rewound one where there is one and else a new one. So the packages of a test
// run share a few that are started once. [Start] borrows where the environment
// variable LOCALIKS_LENDER names the socket.
func Lend(ctx context.Context, socket string, log io.Writer) error {
	dir, err := folder.New("localiks-lender-")
	if err != nil {
		return fmt.Errorf("lender: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return errors.Join(fmt.Errorf("lender: %w", err), dir.Remove())
	}
	l := &lender{dir: dir.Path, log: log}
	l.back = sync.NewCond(&l.mu)
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() }) // which ends the loop
	defer stop()
	var customers sync.WaitGroup
	for {
		connection, err := listener.Accept()
		if err != nil {
			break
		}
		hangUp := context.AfterFunc(ctx, func() { _ = connection.Close() })
		customers.Go(func() {
			defer hangUp()
			l.serve(ctx, connection)
		})
	}
	customers.Wait()
	err = l.close()
	if ctx.Err() == nil {
		err = errors.Join(errors.New("lender: nobody can connect any more"), err)
	}
	return errors.Join(err, dir.Remove())
}

// lender has control planes. They all have the Calico API server, which is hidden
// from those who do not ask for it.
type lender struct {
	dir string
	log io.Writer

	mu   sync.Mutex
	back *sync.Cond // one came back, or will not
	made int
	idle []*lent
	// how many are being rewound, and how many wait for these
	returning, waiting int
}

// lent is a control plane and what its borrower may change beside its content.
type lent struct {
	*ControlPlane
	programs *local
	tokens   *reviewer
	folder   string
	// how the API server is, as the borrower wanted it
	stopped, paused bool
	// nobody has it, and nothing runs
	rests bool
}

// order is what a borrower says: first what it wants, then one order at a time.
type order struct {
	Do string // one of the orders below
	// TokenReviewURL and CalicoAPI belong to the first one.
	TokenReviewURL string
	CalicoAPI      bool
}

const (
	orderBorrow = "borrow"
	orderPause  = "pause"
	orderResume = "resume"
	orderStop   = "stop the API server"
	orderStart  = "start the API server"
	orderRewind = "rewind"
	orderCheck  = "check"
	orderStored = "say what is stored"
	orderReturn = "take back"
)

// answer to an order.
type answer struct {
	Error  string
	Stored map[string][]byte // to the order for it
	// All else answers the first one.
	Server, Audit  string
	AuditFrom      int64
	Authority, Key []byte // PEM
	Service        map[string]any
}

// orderLimit bounds what an order may take.
const orderLimit = startLimit

// serve is the whole time with one borrower.
func (l *lender) serve(ctx context.Context, connection net.Conn) {
	defer func() { _ = connection.Close() }()
	in, out := json.NewDecoder(connection), json.NewEncoder(connection)
	var first order
	if in.Decode(&first) != nil || first.Do != orderBorrow {
		return
	}
	refuse := func(err error) { _ = out.Encode(answer{Error: err.Error()}) } // to one that may have gone
	borrowed, err := l.take(ctx)
	if err != nil {
		refuse(err)
		return
	}
	returned := sync.OnceFunc(func() { l.expect(1) })
	defer func() {
		returned()
		l.takeBack(ctx, borrowed)
	}()
	terms, err := borrowed.lend(ctx, first)
	if err != nil {
		refuse(err)
		return
	}
	for a := terms; out.Encode(a) == nil; {
		var next order
		if in.Decode(&next) != nil {
			return // it has gone
		}
		a = answer{}
		var err error
		switch next.Do {
		case orderReturn:
			returned()
		case orderStored:
			a.Stored, err = borrowed.content(ctx)
		default:
			err = borrowed.obey(ctx, next.Do, first.CalicoAPI)
		}
		if err != nil {
			a.Error = err.Error()
		}
	}
}

// take gives a control plane that nobody has, or will have in a moment.
func (l *lender) take(ctx context.Context) (*lent, error) {
	l.mu.Lock()
	for len(l.idle) == 0 && l.returning > l.waiting {
		l.waiting++
		l.back.Wait()
		l.waiting--
	}
	if last := len(l.idle) - 1; last >= 0 {
		taken := l.idle[last]
		l.idle = l.idle[:last]
		l.mu.Unlock()
		return taken, nil
	}
	l.made++
	name := fmt.Sprintf("lent-%d", l.made)
	l.mu.Unlock()
	return newLent(ctx, name, filepath.Join(l.dir, name), l.log)
}

func newLent(ctx context.Context, name, folder string, log io.Writer) (*lent, error) {
	tokens, err := newReviewer(ctx)
	if err != nil {
		return nil, err
	}
	o := Options{Name: name, Dir: folder, CalicoAPI: true, TokenReviewURL: tokens.url, Log: log}
	made := &lent{tokens: tokens, folder: folder}
	made.ControlPlane, err = start(ctx, o, func() (plane, error) {
		made.programs, err = newLocal(o)
		return made.programs, err
	})
	if err != nil {
		return nil, errors.Join(err, tokens.close())
	}
	return made, nil
}

// expect counts those that come back.
func (l *lender) expect(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.returning += more
}

// takeBack makes a control plane ready for the next one. One that cannot be is
// thrown away.
func (l *lender) takeBack(ctx context.Context, plane *lent) {
	defer func() {
		l.expect(-1)
		l.back.Broadcast()
	}()
	plane.tokens.toNobody()
	err := ctx.Err()
	if err == nil {
		err = plane.restore(ctx)
	}
	if err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(l.log, "lender: giving up a control plane: %v\n", err)
		}
		if err := plane.end(); err != nil {
			fmt.Fprintln(l.log, "lender:", err)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, plane)
}

func (l *lender) close() error {
	var group errgroup.Group
	for _, plane := range l.idle {
		group.Go(plane.end)
	}
	return group.Wait()
}

func (p *lent) end() error {
	return errors.Join(p.Stop(), p.tokens.close(), os.RemoveAll(p.folder))
}

// lend opens a control plane to a borrower. It is rewound once more: something
// may have been under way when that was done last.
func (p *lent) lend(ctx context.Context, o order) (answer, error) {
	if p.rests {
		if err := p.programs.processes.ThawAll(); err != nil {
			return answer{}, err
		}
	}
	if err := p.tokens.to(o.TokenReviewURL); err != nil {
		return answer{}, err
	}
	if err := p.obey(ctx, orderRewind, o.CalicoAPI); err != nil {
		return answer{}, err
	}
	if p.rests {
		if err := p.programs.startManager(); err != nil {
			return answer{}, err
		}
		p.rests = false
	}
	key, err := p.access.authority.privateKey()
	if err != nil {
		return answer{}, err
	}
	service, _, err := p.plane.serveCalico(ctx, p.objects)
	if err != nil {
		return answer{}, err
	}
	now, err := p.MarkAudit(ctx)
	if err != nil {
		return answer{}, err
	}
	return answer{
		Server: p.access.server, Audit: p.access.audit, AuditFrom: now.position,
		Authority: p.access.authority.bundle(), Key: key, Service: service,
	}, nil
}

// obey does what a borrower orders.
func (p *lent) obey(ctx context.Context, what string, calicoAPI bool) error {
	ctx, cancel := context.WithTimeout(ctx, orderLimit)
	defer cancel()
	switch what {
	case orderPause:
		p.paused = true
		return p.plane.pause(ctx)
	case orderResume:
		p.paused = false
		return p.plane.resume(ctx)
	case orderStop:
		p.stopped = true
		return p.plane.stopAPI(ctx)
	case orderStart:
		p.stopped = false
		return p.plane.startAPI(ctx)
	case orderRewind:
		if err := p.Rewind(ctx); err != nil || calicoAPI {
			return err
		}
		return p.SetCalicoAPI(ctx, false)
	case orderCheck:
		return p.plane.check()
	}
	return fmt.Errorf("there is no order %q", what)
}

func (p *lent) content(ctx context.Context) (map[string][]byte, error) {
	stored, err := p.plane.stored(ctx)
	out := map[string][]byte{}
	for key, value := range stored {
		out[key] = []byte(value)
	}
	return out, err
}

// restore undoes all that a borrower has done, and lets everything rest.
func (p *lent) restore(ctx context.Context) error {
	if p.paused {
		if err := p.obey(ctx, orderResume, true); err != nil {
			return err
		}
	}
	if p.stopped {
		if err := p.obey(ctx, orderStart, true); err != nil {
			return err
		}
	}
	if err := p.plane.check(); err != nil {
		return err
	}
	// With the controllers goes what they remember: some wait longer after each
	// failure with a name, up to a quarter of an hour. They start for the next one.
	p.programs.processes.Stop(controllerManager)
	if err := p.obey(ctx, orderRewind, true); err != nil {
		return err
	}
	p.rests = true
	return p.programs.processes.FreezeAll()
}
