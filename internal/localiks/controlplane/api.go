package controlplane

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
)

// PauseAPI turns the API server into a black hole: connections are accepted
// and nothing is ever answered, as behind a firewall that drops packets.
func (c *ControlPlane) PauseAPI(ctx context.Context) error {
	c.serving.Store(false)
	if err := c.plane.pause(ctx); err != nil {
		return fmt.Errorf("pausing the API server of %s: %w", c.options.Name, err)
	}
	return nil
}

// ResumeAPI ends PauseAPI and returns when the API server answers.
func (c *ControlPlane) ResumeAPI(ctx context.Context) error {
	if err := c.plane.resume(ctx); err != nil {
		return fmt.Errorf("resuming the API server of %s: %w", c.options.Name, err)
	}
	return c.awaitAPI(ctx)
}

// StopAPI ends the API server alone: connections are refused. Nodes, pods and
// controllers stay as they are.
func (c *ControlPlane) StopAPI(ctx context.Context) error {
	c.serving.Store(false)
	if err := c.plane.stopAPI(ctx); err != nil {
		return fmt.Errorf("stopping the API server of %s: %w", c.options.Name, err)
	}
	return nil
}

// StartAPI ends StopAPI, at the same address, and returns when the API server
// answers.
func (c *ControlPlane) StartAPI(ctx context.Context) error {
	if err := c.plane.startAPI(ctx); err != nil {
		return fmt.Errorf("starting the API server of %s: %w", c.options.Name, err)
	}
	return c.awaitAPI(ctx)
}

func (c *ControlPlane) awaitAPI(ctx context.Context) error {
	if err := readyz(ctx, c.RESTConfig(), c.plane.check); err != nil {
		return fmt.Errorf("the API server of %s: %w", c.options.Name, err)
	}
	c.serving.Store(true)
	if !c.calicoV3.Load() {
		return nil
	}
	// The API server finds the Calico API server again a moment later.
	if err := until(ctx, c.calicoServed); err != nil {
		return fmt.Errorf("the Calico API of %s: %w", c.options.Name, err)
	}
	return nil
}

// readyz waits until an API server calls itself ready, or alive finds it dead.
func readyz(ctx context.Context, config *rest.Config, alive func() error) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return until(ctx, func(ctx context.Context) error {
		if err := alive(); err != nil {
			cancel(err)
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode == http.StatusOK {
			return nil
		}
		body, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // only for the message
		return fmt.Errorf("%s: %s", response.Status, body)
	})
}
