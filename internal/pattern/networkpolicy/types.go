package networkpolicy

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// The plugin framework asks nested attributes for their type again and again,
// once for every value of every rule in each of the steps of a plan, and they
// work it out anew each time. These know it.

// listOf is a list of nested objects that knows its type.
type listOf struct {
	schema.ListNestedAttribute
	typ attr.Type
}

// GetType implements fwschema.Attribute.
func (a listOf) GetType() attr.Type { return a.typ }

// oneOf is a nested object that knows its type.
type oneOf struct {
	schema.SingleNestedAttribute
	typ attr.Type
}

// GetType implements fwschema.Attribute.
func (a oneOf) GetType() attr.Type { return a.typ }
