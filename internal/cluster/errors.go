package cluster

import (
	"errors"
	"fmt"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// NotFoundError says that neither IKS nor the provider's cluster_access knows
// the cluster. It is evidence of absence: a cluster that could not be asked
// for is another error.
type NotFoundError struct {
	// Cluster is the name or ID that was looked up.
	Cluster string
	// Cause is what IKS answered, nil for a cluster_access that leads to
	// another cluster than the one looked up.
	Cause error
}

// Error names the cluster.
func (e *NotFoundError) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("cluster_access leads to another cluster now than the one with ID %q", e.Cluster)
	}
	return fmt.Sprintf("cluster %q does not exist: %v", e.Cluster, e.Cause)
}

// Unwrap gives IKS's own answer.
func (e *NotFoundError) Unwrap() error { return e.Cause }

// IsNotFound tells whether err proves that a cluster does not exist.
func IsNotFound(err error) bool {
	var notFound *NotFoundError
	return errors.As(err, &notFound)
}

// UnknownConfigurationError says that the provider block holds a value that is
// not known yet and that this call needs.
type UnknownConfigurationError struct {
	// Attribute of the provider block.
	Attribute string
}

// Error names the attribute.
func (e *UnknownConfigurationError) Error() string {
	return fmt.Sprintf("the provider's %s is not known yet, it depends on something that this run has still to create", e.Attribute)
}

// IsUnknownConfiguration tells whether err comes from a provider block that is not wholly known yet.
func IsUnknownConfiguration(err error) bool {
	var unknown *UnknownConfigurationError
	return errors.As(err, &unknown)
}

// errNotIKS explains why something that only IKS can do does not work for a
// cluster that the provider reaches directly.
func errNotIKS(name, what string) error {
	return fmt.Errorf("cluster %q is given by the provider's cluster_access, and %s needs a cluster that IBM Cloud Kubernetes Service runs", name, what)
}

func wrapNotFound(nameOrID string, err error) error {
	if iks.IsNotFound(err) {
		return &NotFoundError{Cluster: nameOrID, Cause: err}
	}
	return err
}
