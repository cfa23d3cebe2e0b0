package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// lenderVariable is the environment variable that names a lender's socket.
const lenderVariable = "LOCALIKS_LENDER"

// borrowed is a control plane that another process runs (see [Lend]). It is given
// back when the connection ends, which it does with this process.
type borrowed struct {
	options Options
	service map[string]any // of the Calico API server
	access  access

	mu         sync.Mutex // one order at a time
	connection net.Conn
	in         *json.Decoder
	out        *json.Encoder
}

func borrow(ctx context.Context, o Options, socket string) (*borrowed, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("no lender of control planes (%s): %w", lenderVariable, err)
	}
	return &borrowed{options: o, connection: connection, in: json.NewDecoder(connection), out: json.NewEncoder(connection)}, nil
}

func (b *borrowed) order(o order) (answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var a answer
	err := b.out.Encode(o)
	if err == nil {
		err = b.in.Decode(&a)
	}
	if err != nil {
		return a, fmt.Errorf("the lender of control planes: %w", err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (b *borrowed) do(what string) error {
	_, err := b.order(order{Do: what})
	return err
}

func (b *borrowed) serve(ctx context.Context, s *steps) (access, error) {
	// A lender that is waited for in vain is left by hanging up.
	defer context.AfterFunc(ctx, func() { _ = b.connection.Close() })()
	err := s.run("borrowed", func() error {
		a, err := b.order(order{Do: orderBorrow, TokenReviewURL: b.options.TokenReviewURL, CalicoAPI: b.options.CalicoAPI})
		if err != nil {
			return err
		}
		b.service = a.Service
		b.access = access{server: a.Server, audit: a.Audit, auditFrom: a.AuditFrom}
		b.access.authority, err = loadAuthority(a.Authority, a.Key)
		return err
	})
	return b.access, err
}

func (b *borrowed) serveCalico(context.Context, *objects) (service map[string]any, caBundle []byte, err error) {
	return b.service, b.access.authority.bundle(), nil
}

// All that a control plane needs runs already.
func (b *borrowed) control(context.Context, *steps) error         { return nil }
func (b *borrowed) installCalico(context.Context, *objects) error { return nil }
func (b *borrowed) started(context.Context) error                 { return nil }

func (b *borrowed) pause(context.Context) error    { return b.do(orderPause) }
func (b *borrowed) resume(context.Context) error   { return b.do(orderResume) }
func (b *borrowed) stopAPI(context.Context) error  { return b.do(orderStop) }
func (b *borrowed) startAPI(context.Context) error { return b.do(orderStart) }
func (b *borrowed) check() error                   { return b.do(orderCheck) }

// The lender sees to it that nothing is left in namespaces.
func (b *borrowed) rewind(context.Context) ([]string, error) { return nil, b.do(orderRewind) }

func (b *borrowed) stored(context.Context) (map[string]string, error) {
	a, err := b.order(order{Do: orderStored})
	out := map[string]string{}
	for key, value := range a.Stored {
		out[key] = string(value)
	}
	return out, err
}

// stop gives it back, so that who borrows next need not wait for a new one.
func (b *borrowed) stop() error {
	_ = b.do(orderReturn) // what is left of the connection says the same
	return b.connection.Close()
}
