import {
  to = iks_alb_state.private
  id = "production,private"
}
