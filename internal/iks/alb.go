package iks

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// Types of an ALB.
const (
	ALBPublic  = "public"
	ALBPrivate = "private"
)

// ALB is an application load balancer: the Ingress controller of a cluster
// in one zone.
type ALB struct {
	ID, ClusterID string
	// Type is ALBPublic or ALBPrivate.
	Type string
	Zone string
	// Enabled is what is asked for; State and Status tell how far that is:
	// enabled or disabled, and healthy or words of IKS's that may change.
	Enabled       bool
	State, Status string
	// Build is the controller's, such as 1.11.5_6579_iks.
	Build string
	// Address is an IP on classic, the load balancer's hostname on VPC.
	Address string
	// VLANID is set on classic.
	VLANID string
	// DisableDeployment says that only the load balancer is kept, for a
	// controller of the user's own.
	DisableDeployment bool
	// Replicas of the controller; 0 where IKS does not say.
	Replicas int
}

// ALBID is what the ID of an ALB says.
type ALBID struct {
	// Type is ALBPublic or ALBPrivate.
	Type      string
	ClusterID string
	Number    int
}

// ParseALBID reads an ID such as public-crbm64u3ed02o93vv36hb0-alb1.
func ParseALBID(id string) (ALBID, error) {
	m := regexp.MustCompile(`^(public|private)-cr([0-9a-z]+)-alb([1-9][0-9]{0,3})$`).FindStringSubmatch(id)
	if m == nil {
		return ALBID{}, fmt.Errorf("%.80q is not the ID of an ALB, which looks like public-crbm64u3ed02o93vv36hb0-alb1", id)
	}
	number, err := strconv.Atoi(m[3])
	if err != nil {
		return ALBID{}, fmt.Errorf("the number in the ALB ID %q: %w", id, err)
	}
	return ALBID{Type: m[1], ClusterID: m[2], Number: number}, nil
}

// ALBs lists the cluster's ALBs, the disabled ones as well.
func (c *Client) ALBs(ctx context.Context, cluster Cluster) ([]ALB, error) {
	cl, cancel := c.begin(ctx, "listing the ALBs of", describe(cluster))
	defer cancel()
	if cluster.Infrastructure == Classic {
		return c.classicALBs(cl.reading(), cluster)
	}
	return c.vpcALBs(cl.reading(), cluster)
}

// ALB reads one ALB of the cluster.
func (c *Client) ALB(ctx context.Context, cluster Cluster, id string) (ALB, error) {
	cl, cancel := c.begin(ctx, "reading", describeALB(cluster, id))
	defer cancel()
	return c.alb(cl, cluster, id)
}

func (c *Client) alb(cl *call, cluster Cluster, id string) (ALB, error) {
	if err := checkALB(cluster, id); err != nil {
		return ALB{}, cl.explain(err)
	}
	if cluster.Infrastructure == Classic {
		return c.classicALB(cl.reading(), cluster, id)
	}
	return c.vpcALB(cl.reading(), cluster, id)
}

// EnableALB asks for the ALB to be brought up. It returns when IKS has accepted
// that, minutes before the ALB is there.
func (c *Client) EnableALB(ctx context.Context, cluster Cluster, alb ALB) error {
	return c.switchALB(ctx, cluster, alb, true)
}

// DisableALB asks for the ALB to be taken down. It returns when IKS has
// accepted that. A classic ALB gives its IP back and may return with another.
func (c *Client) DisableALB(ctx context.Context, cluster Cluster, alb ALB) error {
	return c.switchALB(ctx, cluster, alb, false)
}

func (c *Client) switchALB(ctx context.Context, cluster Cluster, alb ALB, enable bool) error {
	operation := "disabling"
	if enable {
		operation = "enabling"
	}
	cl, cancel := c.begin(ctx, operation, describeALB(cluster, alb.ID))
	defer cancel()
	if err := checkALB(cluster, alb.ID); err != nil {
		return cl.explain(err)
	}
	cl.writing(always)
	var err error
	if cluster.Infrastructure == Classic {
		err = c.switchClassicALB(cl, cluster, alb, enable)
	} else {
		err = c.switchVPCALB(cl, cluster, alb, enable)
	}
	if e, ok := asError(err); ok && (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) {
		// It may be so already: an answer that got lost, or someone else.
		if now, reading := c.alb(cl, cluster, alb.ID); reading == nil && now.Enabled == enable {
			return nil
		}
	}
	return err
}

// checkALB refuses an ID that is none, or is of another cluster.
func checkALB(cluster Cluster, id string) error {
	parsed, err := ParseALBID(id)
	if err != nil {
		return err
	}
	if parsed.ClusterID != cluster.ID {
		return fmt.Errorf("it belongs to the cluster with the ID %s, not to %s", parsed.ClusterID, cluster.ID)
	}
	return nil
}

func describeALB(cluster Cluster, id string) string {
	return "ALB " + strconv.Quote(id) + " of " + describe(cluster)
}

// replicas reads IKS's number, which is a string and may be empty.
func replicas(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
