import {
  to = iks_alb_state.private
  identity = {
    cluster_id = "c1234567890abcdefghi"
    type       = "private"
  }
}
