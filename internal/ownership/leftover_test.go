package ownership

import (
	"encoding/json"
	"testing"
)

func TestCovers(t *testing.T) {
	t.Parallel()
	declared := `{"metadata":{"labels":{"a.b/c":"d"}},"spec":{"ports":[{"name":"x","port":80,"protocol":"TCP"},{"port":81}],"list":["one",2],"atomic":[]}}`
	for name, test := range map[string]struct {
		record string
		want   bool
	}{
		"nothing":                     {`{}`, true},
		"fields":                      {`{"f:metadata":{"f:labels":{".":{},"f:a.b/c":{}}},"f:spec":{"f:atomic":{}}}`, true},
		"a field that is not there":   {`{"f:metadata":{"f:labels":{"f:gone":{}}}}`, false},
		"a parent that is not there":  {`{"f:metadata":{"f:annotations":{"f:gone":{}}}}`, false},
		"entries":                     {`{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}}}}`, true},
		"entry with a default in key": {`{"f:spec":{"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}`, true},
		"entry that is not there":     {`{"f:spec":{"f:ports":{"k:{\"port\":82,\"protocol\":\"TCP\"}":{".":{}}}}}`, false},
		"entry of another protocol":   {`{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"UDP\"}":{".":{}}}}}`, false},
		"a field of an entry":         {`{"f:spec":{"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{"f:name":{}}}}}`, false},
		"values":                      {`{"f:spec":{"f:list":{"v:\"one\"":{},"v:2":{}}}}`, true},
		"a value that is not there":   {`{"f:spec":{"f:list":{"v:\"two\"":{}}}}`, false},
	} {
		var value any
		var record map[string]any
		if err := json.Unmarshal([]byte(declared), &value); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(test.record), &record); err != nil {
			t.Fatal(err)
		}
		if got := covers(value, record); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}
