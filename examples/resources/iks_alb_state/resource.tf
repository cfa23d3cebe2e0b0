# First the private ALBs are on and healthy, then the public ones go off.
resource "iks_alb_state" "private" {
  cluster = "production"
  type    = "private"
  enabled = true

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The private ALBs are not healthy yet. Apply again to carry on."
    }
  }
}

resource "iks_alb_state" "public" {
  cluster = "production"
  type    = "public"
  enabled = false

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The public ALBs are not off yet. Apply again to carry on."
    }
  }

  depends_on = [iks_alb_state.private]
}
