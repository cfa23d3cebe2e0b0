package ownership

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// longestValue is how much of a value a sentence quotes.
const longestValue = 120

// wholeMap is a map of which what is declared is all there may be: a Service's
// selector, which the API server takes for one value (`+mapType=atomic`). A key
// more leads its clients to fewer pods.
const wholeMap = ".spec.selector"

// comparer finds where an object differs from what is declared of it. Both are
// JSON values; what is not declared is not compared.
type comparer struct {
	// hidden leaves values out of the sentences: they may be secret.
	hidden    bool
	sentences []string
}

func (c *comparer) compare(at string, declared, is any) {
	switch declared := declared.(type) {
	case map[string]any:
		c.fields(at, declared, is)
	case []any:
		c.entries(at, declared, is)
	default:
		if !reflect.DeepEqual(declared, is) {
			c.differs(at, declared, is)
		}
	}
}

func (c *comparer) fields(at string, declared map[string]any, is any) {
	have, ok := is.(map[string]any)
	if !ok && is != nil {
		c.differs(at, declared, is)
		return
	}
	if at == wholeMap {
		for _, name := range slices.Sorted(maps.Keys(have)) {
			if _, ok := declared[name]; !ok {
				c.added(at+"."+name, have[name])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		c.compare(at+"."+name, declared[name], have[name])
	}
}

// entries compares lists by position: what is declared is the whole list.
func (c *comparer) entries(at string, declared []any, is any) {
	have, ok := is.([]any)
	if !ok && is != nil {
		c.differs(at, declared, is)
		return
	}
	if len(have) != len(declared) {
		c.say("%s has %d entries, declared %d", at, len(have), len(declared))
		return
	}
	for i, entry := range declared {
		c.compare(fmt.Sprintf("%s[%s]", at, entryName(entry, i)), entry, have[i])
	}
}

// entryName is how a list's entry is called: by its name if it has one.
func entryName(entry any, i int) string {
	if fields, ok := entry.(map[string]any); ok {
		if name, ok := fields["name"].(string); ok {
			return name
		}
	}
	return strconv.Itoa(i)
}

func (c *comparer) differs(at string, declared, is any) {
	switch {
	case c.hidden:
		c.say("%s is not as declared", at)
	case is == nil:
		c.say("%s is missing, declared %s", at, quoted(declared))
	default:
		c.say("%s is %s, declared %s", at, quoted(is), quoted(declared))
	}
}

func (c *comparer) added(at string, is any) {
	if c.hidden {
		c.say("%s is not declared", at)
		return
	}
	c.say("%s is %s, not declared", at, quoted(is))
}

func (c *comparer) say(format string, arguments ...any) {
	c.sentences = append(c.sentences, fmt.Sprintf(format, arguments...))
}

func quoted(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	text := string(raw)
	if len(text) > longestValue {
		return text[:longestValue] + "..."
	}
	return text
}

// overlay is what is there with what is declared laid over it. Lists are
// replaced, so that nothing that somebody added to one stays.
func overlay(is, declared any) any {
	have, isObject := is.(map[string]any)
	want, wantsObject := declared.(map[string]any)
	if !isObject || !wantsObject {
		return declared
	}
	out := maps.Clone(have)
	for name, value := range want {
		if list, ok := value.([]any); ok {
			out[name] = overlayEntries(have[name], list)
			continue
		}
		out[name] = overlay(have[name], value)
	}
	return out
}

// overlayEntries keeps what the server added to the entries that stay, such as
// the node port of a Service's port.
func overlayEntries(is any, declared []any) []any {
	have, _ := is.([]any)
	out := make([]any, len(declared))
	for i, entry := range declared {
		out[i] = entry
		for _, old := range have {
			c := comparer{}
			if c.compare("", entry, old); len(c.sentences) == 0 {
				out[i] = overlay(old, entry)
				break
			}
		}
	}
	return out
}
