package acctest

import (
	"slices"
	"testing"
)

func TestBeyond(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent, allowed []string
		times         int
		want          []string
	}{
		"the same":                   {[]string{"b", "a"}, []string{"a", "b"}, 1, nil},
		"fewer":                      {[]string{"a"}, []string{"a", "b"}, 1, nil},
		"another":                    {[]string{"a", "c"}, []string{"a", "b"}, 1, []string{"c"}},
		"the same more often":        {[]string{"a", "a", "a"}, []string{"a", "a", "b"}, 1, []string{"a"}},
		"as often as answers expire": {[]string{"a", "b", "a"}, []string{"a", "b"}, 2, nil},
		"more often than they do":    {[]string{"a", "a", "a"}, []string{"a", "b"}, 2, []string{"a"}},
		"nothing allowed":            {[]string{"a"}, nil, 3, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := beyond(test.sent, test.allowed, test.times); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
