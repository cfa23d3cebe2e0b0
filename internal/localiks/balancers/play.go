package balancers

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// play is what tests make the cloud do.
type play struct {
	mu    sync.Mutex
	delay time.Duration
	held  bool
	wrong bool
}

func (p *play) waits() (held bool, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held, p.delay
}

func (p *play) wrongKind() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

func (p *play) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// SetDelay says how long a Service waits for its address, those included that
// wait already. Zero or less is no time at all.
func (c *Controller) SetDelay(d time.Duration) {
	c.play.set(func() { c.play.delay = d })
	c.lookAgain()
}

// Hold keeps every Service that has no load balancer yet without one, until
// [Controller.Release].
func (c *Controller) Hold() { c.play.set(func() { c.play.held = true }) }

// Release ends [Controller.Hold]: those that waited get their load balancers.
func (c *Controller) Release() {
	c.play.set(func() { c.play.held = false })
	c.lookAgain()
}

// AssignWrongKind gives load balancers that are made while it is on a public
// address where a private one is asked for, and the other way round.
func (c *Controller) AssignWrongKind(on bool) { c.play.set(func() { c.play.wrong = on }) }

// Reassign takes the address of a Service's load balancer away and gives it
// another one, public or private whatever the Service asks for. It returns the
// new IP or host name when the Service's status has it.
func (c *Controller) Reassign(ctx context.Context, namespace, name string, public bool) (string, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	service, err := c.kube.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if c.owners[namespace+"/"+name] != ownerOf(service) || len(service.Status.LoadBalancer.Ingress) == 0 {
		return "", fmt.Errorf("service %s/%s has no load balancer", namespace, name)
	}
	at, err := c.plant.move(ctx, subject{Service: service, owner: ownerOf(service), may: func() bool { return true }}, public)
	if err != nil {
		return "", fmt.Errorf("moving the load balancer of service %s/%s: %w", namespace, name, err)
	}
	return at.IP + at.Hostname, c.tell(ctx, service, at)
}
