"""A larger program: one module for each concern, put together here. Run it with: trioradius run examples.routers:app"""

from examples.routers import accounting, staff, subscribers, timing
from trioradius import App

app = App(peers={"127.0.0.1": b"testing123"})
app.middleware(timing.log_duration)
app.include(subscribers.router, realm="example.net")
app.include(staff.router, realm="staff.example.net")
app.include(accounting.router)
